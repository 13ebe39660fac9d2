"""Waiting longer after each failure, and never in step with the other terminals of a street."""

import os

from micropython import const

_FIRST_MS = const(500)
_LONGEST_MS = const(60_000)


class Backoff:
    """`next_ms()` gives 0.5 s, 1 s, 2 s ... up to a minute, each with up to a quarter added at
    random."""

    def __init__(self) -> None:
        self._wait_ms = _FIRST_MS

    def reset(self) -> None:
        """Something worked."""
        self._wait_ms = _FIRST_MS

    def next_ms(self) -> int:
        wait_ms = self._wait_ms
        self._wait_ms = min(2 * wait_ms, _LONGEST_MS)
        return wait_ms + wait_ms * os.urandom(1)[0] // 1024
