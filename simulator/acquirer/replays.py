"""Messages that were sent before, and keys that were used before.

A terminal uses each DUKPT key once and counts upwards (X9.24-3, 6.1): its messages arrive with
rising counters, repetitions (0221, 0401 ...) too, which are sealed anew.  So a counter that is not
above the last one belongs to a copy, or to a message that was overtaken and given up.

A board of the sandbox that was made anew begins with the same public initial key again, at its
first counter; a real acquirer would have given it another one.  So a sign-on that was never seen
may begin the count anew: nobody else can have made it.
"""

from __future__ import annotations

import hashlib

from simulator.acquirer.messages import Message, NotAuthentic

_COUNTER_AT = 8


class Replays:
    """What was seen since the acquirer was started; for authentic messages only."""

    def __init__(self) -> None:
        self._last: dict[bytes, int] = {}
        self._seen: set[bytes] = set()

    def check(self, message: Message, sign_on: bool) -> None:
        """Raise NotAuthentic for a copy and for a key that was used before."""
        if message.ksn is None:
            return
        identifier, counter = message.ksn[:_COUNTER_AT], message.ksn[_COUNTER_AT:]
        digest = hashlib.sha256(message.raw).digest()
        if digest in self._seen:
            raise NotAuthentic("a copy of an earlier message")
        number = int.from_bytes(counter)
        if number <= self._last.get(identifier, 0) and not sign_on:
            raise NotAuthentic("the KSN is not above the last one")
        self._seen.add(digest)
        self._last[identifier] = number
