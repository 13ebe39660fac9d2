"""`gc`: the heap's size is the board's; what CPython uses of its own says nothing about the
chip's.
"""

from __future__ import annotations

from simulator.standins.seam import here

_state = {"enabled": True, "threshold": -1}


def collect() -> None:
    """Nothing to do: CPython has its own collector."""


def enable() -> None:
    _state["enabled"] = True


def disable() -> None:
    _state["enabled"] = False


def isenabled() -> bool:
    return _state["enabled"]


def mem_alloc() -> int:
    """What the bench says (`Mcu.heap_taken`); heap use is measured on the real MicroPython
    only."""
    return here.operate("heap_taken")


def mem_free() -> int:
    return here.heap_bytes - mem_alloc()


def threshold(amount: int | None = None) -> int | None:
    if amount is None:
        return _state["threshold"]
    _state["threshold"] = amount
    return None
