"""Joins the shop's Wi-Fi and stays joined."""

import asyncio
from typing import TYPE_CHECKING

import network
from micropython import const

from kassa.system.tasks import unwatched

if TYPE_CHECKING:
    from collections.abc import Callable

    from kassa.system.config import Network as NetworkConfig
    from kassa.system.log import Log

_LOOK_EVERY_MS = const(1000)
_JOIN_WITHIN_MS = const(15_000)


class Wifi:
    """The station interface; `on_joined` hears each time that it has joined.

    The radio stays on: the chip's random numbers are only random while it is.
    """

    def __init__(self, wlan: "network.WLAN", config: "NetworkConfig", log: "Log") -> None:
        self._wlan = wlan
        self._config = config
        self._log = log
        self.on_joined: "Callable[[], None] | None" = None

    def start_radio(self) -> None:
        """Switch the radio on; keys and nonces may be drawn after this."""
        self._wlan.active(True)

    @property
    def joined(self) -> bool:
        return self._wlan.isconnected()

    async def run(self, beat: "Callable[[], None]" = unwatched) -> None:
        """Critical task: join, notice a loss, join again.  Beats at least every 20 s."""
        self.start_radio()
        joined = False
        while True:
            beat()
            if not self._wlan.isconnected():
                await self._join()
            if self._wlan.isconnected() != joined:
                joined = not joined
                self._log.event("system", "wifi joined" if joined else "wifi lost")
                if joined and self.on_joined is not None:
                    self.on_joined()
            await asyncio.sleep_ms(_LOOK_EVERY_MS)

    async def _join(self) -> None:
        # The chip re-joins by itself after a loss; connect() is for the first time and for a
        # router that came back under another channel.
        try:
            self._wlan.connect(self._config.ssid, self._config.password)
        except OSError as error:
            self._log.trouble("system", "wifi join failed", error)
            return
        waited_ms = 0
        while waited_ms < _JOIN_WITHIN_MS and not self._wlan.isconnected():
            await asyncio.sleep_ms(100)
            waited_ms += 100
        if not self._wlan.isconnected():
            self._wlan.disconnect()
