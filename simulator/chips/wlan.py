"""The ESP32's Wi-Fi station and the air around it, with MicroPython's status codes.

Joining takes scan, association, handshake and DHCP: some 1.5 s.  A lost access point is noticed
after 6 s without a beacon; then the station tries again for ever, as MicroPython's does by
default.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

from simulator.clock import NS_PER_MS, Clock, Timer

# network.STAT_*
IDLE = 1000
CONNECTING = 1001
GOT_IP = 1010
BEACON_TIMEOUT = 200
NO_AP_FOUND = 201
WRONG_PASSWORD = 202

OPEN = 0
WPA2_PSK = 3

_JOIN_MS = (1_350, 1_650)
_SEARCH_MS = 2_500
_REFUSAL_MS = 3_000
_BEACONS_MISSED_MS = 6_000
_NO_ADDRESS = ("0.0.0.0", "0.0.0.0", "0.0.0.0", "0.0.0.0")


@dataclass
class AccessPoint:
    """A network in reach.  `key` None takes any password; `up` False is switched off."""

    ssid: str
    key: str | None = None
    bssid: bytes = b"\x9c\x3d\xcf\x10\x20\x30"
    channel: int = 6
    rssi: int = -58
    security: int = WPA2_PSK
    hidden: bool = False
    up: bool = True

    def admits(self, key: str) -> bool:
        return self.security == OPEN or self.key is None or self.key == key


class Wlan:
    """The station.  `up` switches the (first) access point; `on_link(bool)` hears when the link
    comes or goes.

    `link` is what a packet would find at this moment: it is False at once when the access point is
    switched off, though `status()` says GOT_IP until the missing beacons are noticed.
    """

    def __init__(
        self, clock: Clock, seed: int = 0, access_points: list[AccessPoint] | None = None
    ) -> None:
        self.access_points = access_points or [AccessPoint("kassa")]
        self.reconnects = -1
        self.on_link: Callable[[bool], None] | None = None
        self._clock = clock
        self._random = random.Random(seed)
        self._active = False
        self._wanted: tuple[str, str] | None = None
        self._joined: AccessPoint | None = None
        self._reason = 0
        self._failures = 0
        self._timer: Timer | None = None

    # -- the air

    @property
    def up(self) -> bool:
        """Whether the access point is on; assign to switch it."""
        return self.access_points[0].up

    @up.setter
    def up(self, on: bool) -> None:
        point = self.access_points[0]
        if point.up == on:
            return
        point.up = on
        if point is self._joined:
            if on:
                self._later(None)
            else:
                self._later(_BEACONS_MISSED_MS, self._beacons_missed)
            self._tell()

    @property
    def link(self) -> bool:
        """Whether a packet gets through now."""
        return self._joined is not None and self._joined.up

    # -- what network.WLAN asks

    def active(self, on: bool | None = None) -> bool:
        """Switch the radio, or ask."""
        if on is not None and on != self._active:
            self._active = on
            if not on:
                self.disconnect()
        return self._active

    def connect(self, ssid: str, key: str = "") -> None:
        """Start to join; OSError-worthy misuse (radio off) is a RuntimeError here."""
        if not self._active:
            raise RuntimeError("Wifi Not Started")
        self._leave()
        self._wanted = (ssid, key)
        self._failures = 0
        self._attempt()

    def disconnect(self) -> None:
        """Leave, and stop trying."""
        self._wanted = None
        self._leave()
        self._reason = 0

    def isconnected(self) -> bool:
        return self._joined is not None

    def status(self) -> int:
        """IDLE, CONNECTING, GOT_IP, or why it gave up (NO_AP_FOUND ...), when `reconnects` is
        limited.
        """
        if self._joined is not None:
            return GOT_IP
        if self._wanted is not None and self._may_retry():
            return CONNECTING
        return self._reason or IDLE

    def scan(self) -> list[tuple[bytes, bytes, int, int, int, bool]]:
        """(ssid, bssid, channel, rssi, security, hidden) of each network heard, best first."""
        heard = [point for point in self.access_points if self._active and point.up]
        heard.sort(key=lambda point: -point.rssi)
        return [
            (
                b"" if point.hidden else point.ssid.encode(),
                point.bssid,
                point.channel,
                self._measured(point),
                point.security,
                point.hidden,
            )
            for point in heard
        ]

    def rssi(self) -> int:
        """Strength of the joined network in dBm; OSError when there is none."""
        if self._joined is None:
            raise OSError("STA must be connected")
        return self._measured(self._joined)

    def ifconfig(self) -> tuple[str, str, str, str]:
        """(address, mask, gateway, name server) from DHCP; zeros while not connected."""
        if self._joined is None:
            return _NO_ADDRESS
        return ("192.168.4.23", "255.255.255.0", "192.168.4.1", "192.168.4.1")

    def power_on(self) -> None:
        """A reset: radio off, everything forgotten."""
        self.active(False)
        self.reconnects = -1

    # -- joining

    def _measured(self, point: AccessPoint) -> int:
        return point.rssi + self._random.randint(-2, 2)

    def _may_retry(self) -> bool:
        return self.reconnects < 0 or self._failures <= self.reconnects

    def _later(self, delay_ms: int | None, call: Callable[[], None] | None = None) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if delay_ms is not None and call is not None:
            self._timer = self._clock.call_later(delay_ms * NS_PER_MS, call)

    def _found(self) -> AccessPoint | None:
        assert self._wanted is not None
        matching = [p for p in self.access_points if p.up and p.ssid == self._wanted[0]]
        return max(matching, key=lambda point: point.rssi, default=None)

    def _attempt(self) -> None:
        assert self._wanted is not None
        point = self._found()
        if point is None:
            self._later(_SEARCH_MS, lambda: self._failed(NO_AP_FOUND))
        elif not point.admits(self._wanted[1]):
            self._later(_REFUSAL_MS, lambda: self._failed(WRONG_PASSWORD))
        else:
            self._later(self._random.randint(*_JOIN_MS), self._join)

    def _join(self) -> None:
        point = self._found()
        if point is None:  # it went away meanwhile
            self._failed(NO_AP_FOUND)
            return
        self._timer = None
        self._joined = point
        self._reason = 0
        self._failures = 0
        self._tell()

    def _failed(self, reason: int) -> None:
        self._timer = None
        self._reason = reason
        self._failures += 1
        if self._may_retry():
            self._attempt()
        else:
            self._wanted = None

    def _beacons_missed(self) -> None:
        self._leave()
        self._failed(BEACON_TIMEOUT)

    def _leave(self) -> None:
        self._later(None)
        had_link = self.link
        self._joined = None
        if had_link:
            self._tell()

    def _tell(self) -> None:
        if self.on_link is not None:
            self.on_link(self.link)
