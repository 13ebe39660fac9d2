"""STAN and batch number: unique across power loss, because the next value is stored before it is
used.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kassa.system.state_file import StateFile

_LAST_STAN = 999999


class Counters:
    """`stan` is the last system trace audit number used, `batch` the open settlement batch."""

    def __init__(self, memory: "StateFile") -> None:
        self._memory = memory
        known = memory.load() or {}
        self._stan = known.get("stan", 0)
        self.batch = known.get("batch", 1)

    def next_stan(self) -> int:
        """A new STAN, 1..999999 and round again (ISO 8583 DE 11); durable before it is
        returned.
        """
        stan = self._stan % _LAST_STAN + 1
        self._memory.save({"stan": stan, "batch": self.batch})
        self._stan = stan
        return stan
