"""`math` as far as MicroPython has it (in double precision; the chip has single)."""

import math as _math

__all__ = [name for name in vars(_math) if not name.startswith("_")]
for _name in [
    "cbrt",
    "comb",
    "dist",
    "exp2",
    "fsum",
    "fma",
    "gcd",
    "hypot",
    "isqrt",
    "lcm",
    "nextafter",
    "perm",
    "prod",
    "remainder",
    "sumprod",
    "ulp",
]:
    if _name in __all__:
        __all__.remove(_name)
globals().update({_name: getattr(_math, _name) for _name in __all__})
