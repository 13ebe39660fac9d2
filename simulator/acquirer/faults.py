"""Awkward hosts on request: what the acquirer does to the next messages instead of its duty."""

from __future__ import annotations

import enum
from dataclasses import dataclass


class Fault(enum.StrEnum):
    """One kind of misbehaviour."""

    DROP_REQUEST = "drop_request"  # the request is lost on its way: nothing is booked
    DROP_RESPONSE = "drop_response"  # booked, and the answer is lost
    STALL = "stall"  # half of the answer, then nothing
    GARBAGE = "garbage"  # bytes that are no message
    WRONG_MAC = "wrong_mac"
    WRONG_STAN = "wrong_stan"
    CLOSE = "close"  # booked, then the connection is closed
    LATE = "late"  # the answer comes after a while
    TWICE = "twice"  # the answer comes twice
    ISSUER_DOWN = "issuer_down"  # 91, and nothing is booked: ask again


@dataclass
class _Planned:
    fault: Fault
    mti: str | None
    delay_s: float


class Faults:
    """Faults waiting for their message; the first that fits is taken, once."""

    def __init__(self) -> None:
        self._planned: list[_Planned] = []
        self._difference_minor = 0

    def next(
        self, fault: Fault | str, mti: str | None = None, count: int = 1, delay_s: float = 30.0
    ) -> None:
        """Misbehave on the next `count` messages of type `mti` (None: any but 0800)."""
        for _ in range(count):
            self._planned.append(_Planned(Fault(fault), mti, delay_s))

    def drop_next(self, direction: str) -> None:
        """Lose the next "request" or "response"."""
        if direction not in ("request", "response"):
            raise ValueError(f"drop_next: {direction!r} is neither request nor response")
        self.next(f"drop_{direction}")

    def miscount_next(self, minor: int) -> None:
        """Misread the total of the next settlement by so many minor units."""
        self._difference_minor = minor

    def take_difference(self) -> int:
        """By how much to misread, once."""
        minor, self._difference_minor = self._difference_minor, 0
        return minor

    def clear(self) -> None:
        self._planned.clear()

    def take(self, mti: str) -> tuple[Fault | None, float]:
        """(the fault for a message of this type or None, its delay)."""
        for planned in self._planned:
            if planned.mti == mti or (planned.mti is None and mti != "0800"):
                self._planned.remove(planned)
                return planned.fault, planned.delay_s
        return None, 0.0
