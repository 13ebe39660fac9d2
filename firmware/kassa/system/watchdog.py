"""The chip's watchdog: fed while the loop turns and no critical task has ended."""

from micropython import const

_FEED_EVERY_MS = const(1000)


class Watchdog:
    """Wraps `machine.WDT`; `device` is None on a bench without one (the technician's REPL)."""

    feed_every_ms = _FEED_EVERY_MS

    def __init__(self, device=None) -> None:  # type: ignore[no-untyped-def]
        self._device = device

    def feed(self) -> None:
        """Say that there is progress.  The chip restarts when this stays away too long."""
        if self._device is not None:
            self._device.feed()
