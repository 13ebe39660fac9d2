"""`random`: seeded with the world, so that the same seed gives the same run."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import TypeVar

from simulator.standins.seam import here

_T = TypeVar("_T")
_generator = Random(here.rng.getrandbits(64))


def seed(n: int | None = None, /) -> None:
    """Start again from `n`; None takes the hardware's randomness (of this world)."""
    _generator.seed(here.rng.getrandbits(64) if n is None else n)


def getrandbits(n: int, /) -> int:
    """`n` random bits, at most 32."""
    if not 0 <= n <= 32:
        raise ValueError("bits must be 32 or less")
    return _generator.getrandbits(n) if n else 0


def randrange(start: int, stop: int | None = None, step: int = 1, /) -> int:
    if stop is None:
        return _generator.randrange(start)
    return _generator.randrange(start, stop, step)


def randint(a: int, b: int, /) -> int:
    return _generator.randint(a, b)


def choice(sequence: Sequence[_T], /) -> _T:
    return sequence[_generator.randrange(len(sequence))]


def random() -> float:
    return _generator.random()


def uniform(a: float, b: float) -> float:
    return a + (b - a) * _generator.random()


__all__ = ["choice", "getrandbits", "randint", "random", "randrange", "seed", "uniform"]
