"""The ways to the host, and which of them to try first."""

import time
from typing import TYPE_CHECKING

from micropython import const

from kassa.host.errors import NotProvisioned

if TYPE_CHECKING:
    from typing import Any

# A failure counts against a route for this long.
_FORGIVEN_AFTER_MS = const(300_000)


class Route:
    """One way to the host.

    failures      attempts and connections that failed in a row, lately
    answer_ms     smoothed time to an answer, 0 before the first
    """

    def __init__(self, values: "dict[str, Any]") -> None:
        self.name = _text(values, "name")
        self.host = _text(values, "host")
        self.server_name = _text(values, "server_name")
        self.port = values.get("port")
        if not isinstance(self.port, int) or not 0 < self.port < 65536:
            raise NotProvisioned("host.routes: port must be a number from 1 to 65535")
        self.failures = 0
        self.answer_ms = 0
        self._failed_at = 0

    def worked(self, answer_ms: int) -> None:
        """An answer came this way, so many milliseconds after its request."""
        self.failures = 0
        self.answer_ms = (3 * self.answer_ms + answer_ms) // 4 if self.answer_ms else answer_ms

    def failed(self) -> None:
        """A connection could not be made, or ended before its time."""
        self.failures += 1
        self._failed_at = time.ticks_ms()

    def forgive(self) -> None:
        """Forget failures of long ago, so that a preferred route gets its chance again."""
        if self.failures:
            age_ms = time.ticks_diff(time.ticks_ms(), self._failed_at)
            # Ticks wrap: a failure of many days ago may look as if it were to come.
            if not 0 <= age_ms < _FORGIVEN_AFTER_MS:
                self.failures = 0


class Routes:
    """All configured routes; the order of the configuration is the order of preference."""

    def __init__(self, configured: "Any") -> None:
        if not isinstance(configured, list) or not configured:
            raise NotProvisioned("host.routes: at least one route is needed")
        self.all = [Route(values) for values in configured]

    def in_order(self) -> "list[Route]":
        """The healthiest first; among equals the configured order."""
        ranked = []
        for index, route in enumerate(self.all):
            route.forgive()
            ranked.append((route.failures, index))
        # Tuples compare by index last: MicroPython's sort alone does not keep equals in order.
        ranked.sort()
        return [self.all[index] for _, index in ranked]


def _text(values: "dict[str, Any]", key: str) -> str:
    value = values.get(key) if isinstance(values, dict) else None
    if not isinstance(value, str) or not value:
        raise NotProvisioned("host.routes: " + key + " is missing")
    return value
