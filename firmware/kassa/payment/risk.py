"""Terminal risk management: what a card that could pay without the host must come past.

Kernels ask `listed` and `select_online` while the card is there; `refusal` and `decision` look
once more at what came of it, before anything is promised.  Sources: EMV 4.3 Book 3, 10.6 (floor
limit, random selection, velocity), Book 4, 6.3.5 (exception file).

Of a card that was approved offline the journal holds a token: one byte of AES-CMAC over its PAN,
under a key made of the terminal's own.  Beside the masked PAN that tells the cards of a day apart;
where it does not, one too many is sent online.  It is short on purpose: whoever reads the whole
chip has that key, and a longer token would let him find the digits that the mask leaves out.
"""

from typing import TYPE_CHECKING

from kassa.payment.day_counts import MOST_A_DAY, DayCounts, day_of
from kassa.payment.decision import Decision, rules_of
from kassa.payment.exceptions import ExceptionList
from kassa.security.cmac import cmac
from kassa.security.pan import mask

if TYPE_CHECKING:
    from collections.abc import Callable

    from kassa.emv.config import Configuration
    from kassa.emv.outcome import Outcome
    from kassa.system.clock import Clock, Moment

# Why a card must go online (`Risk.select_online`).
RANDOM = "random"
VELOCITY = "velocity"
CLOCK = "clock"
LIST = "list"

# Signatures of this very sale.  SDA is none: whoever has read a card once can copy it.
_DYNAMIC = ("dda", "cda", "fdda")
_TOKEN_KEY = b"kassa card token"
_TOKEN_BYTES = 1


class Risk:
    """The risk management of one terminal.

    `configuration` has the tables `risk` and `exceptions`; without the first nothing is drawn and
    nothing counted, and every offline approval needs a verified signature.  `counts` are the
    book's, `device_key` the terminal's own key, 16 bytes.
    """

    def __init__(
        self, configuration: "Configuration", counts: DayCounts, clock: "Clock", device_key: bytes
    ) -> None:
        self._settings = configuration.risk
        self._list = ExceptionList(configuration.exceptions)
        self._counts = counts
        self._clock = clock
        self._key = cmac(device_key, _TOKEN_KEY)
        self._drawn: "tuple[int, int] | None" = None

    # -- while the card is there

    def listed(self, pan: str, psn: "int | None") -> "bool | None":
        """R-1: whether the card is on the exception list; None when nobody can tell, because the
        list cannot be relied on: then nothing may be approved offline."""
        if self._list.trouble(self._now()):
            return None
        return self._list.has(pan, psn)

    def select_online(
        self,
        tap_pan: str,
        amount_minor: int,
        floor_minor: "int | None",
        random: "Callable[[int], bytes]",
    ) -> str:
        """R-2: why this card must go online for this amount, "" when it need not: "clock", "list",
        "velocity" or "random"."""
        self._drawn = None
        now = self._now()
        if now is None or day_of(now) < self._counts.day:
            # Without a date, or with one that has been: a day's payments could be made again.
            return CLOCK
        if self._list.trouble(now):
            return LIST
        if self._today(tap_pan, now) > self._per_day():
            return VELOCITY
        percent = self._percent(amount_minor, floor_minor)
        if percent:
            # Book 3, 10.6.2: a number from 1 to 99, selected when it is not above the percentage.
            drawn = int.from_bytes(random(4), "big") % 99 + 1
            self._drawn = (drawn, percent)
            if drawn <= percent:
                return RANDOM
        return ""

    def _percent(self, amount_minor: int, floor_minor: "int | None") -> int:
        """The odds of random selection: level below the threshold, from there rising with the
        amount, up to the most at the floor limit (Book 3, 10.6.2)."""
        settings = self._settings
        if settings is None:
            return 0
        least, most = settings.random_percent, settings.random_max_percent
        above = amount_minor - settings.random_threshold
        if above < 0:
            return least
        if floor_minor is None or amount_minor >= floor_minor:
            return most
        return least + (most - least) * above // (floor_minor - settings.random_threshold)

    # -- before it is promised

    def token(self, pan: str) -> bytes:
        """What the journal keeps of a card that was approved offline, beside its masked PAN."""
        return cmac(self._key, pan.encode())[:_TOKEN_BYTES]

    def refusal(self, outcome: "Outcome", amount_minor: int) -> str:
        """Why a card's approval cannot be taken, as the catalogue's key after `declined.`; "" when
        it can.  What the kernel has asked before is asked again: none of it costs a message."""
        now = self._now()
        if now is None or day_of(now) < self._counts.day:
            return "clock_not_set"
        listed = self.listed(outcome.pan, outcome.psn)
        if listed is None:
            return "bank_needed"
        if listed:
            return "card_blocked"
        if self._today(outcome.pan, now) > self._per_day():
            return "limit_exceeded"
        if outcome.authenticated not in _DYNAMIC and amount_minor > self._cap():
            return "not_verified"
        return ""

    def decision(self, outcome: "Outcome") -> Decision:
        """R-3: the reasons for approving this card offline now; the merchant's limits are left to
        be filled in."""
        now = self._now()
        decision = Decision(outcome.authenticated, rules_of(outcome.trail))
        decision.floor_minor = outcome.floor_minor
        if self._settings is not None:
            decision.unsigned_cap_minor = self._cap()
            decision.per_day = self._per_day()
        if self._drawn is not None:
            decision.drawn, decision.percent = self._drawn
            self._drawn = None
        if now is not None:
            decision.today = self._today(outcome.pan, now)
            if self._list.configured:
                decision.list_age_days = self._list.age_days(now)
        return decision

    def _now(self) -> "Moment | None":
        # D-4: after power-on the clock goes on from the last time it knew, which may be weeks ago.
        return self._clock.local() if self._clock.is_set and self._clock.trusted else None

    def _today(self, pan: str, now: "Moment") -> int:
        """The so-manieth approval of this card today it would be."""
        if day_of(now) != self._counts.day:
            return 1
        if self._counts.full:
            return MOST_A_DAY + 1
        return self._counts.count(mask(pan), self.token(pan)) + 1

    def _per_day(self) -> int:
        return MOST_A_DAY if self._settings is None else self._settings.velocity_per_day

    def _cap(self) -> int:
        return 0 if self._settings is None else self._settings.unsigned_cap
