"""Kernel 7: UnionPay, QuickPass (EMV Contactless Book C-7).

CX-1: the way of kernel 3: terminal and card qualifiers of the same form, one GET PROCESSING
OPTIONS, fDDA with 9F69 version 01, and the same order of cardholder verification, in which a
device's own counts when the CTQ equals its signed copy, or for an ARQC.  Kernel 3 does all that.

What is UnionPay's own is the currency: a card keeps its offline counters in one (9F51, or 9F42),
so a TC in any other goes online.  A card that does not say which it is has seen to that itself.
Electronic cash is not supported: a PDOL that asks for its indicator (9F7A) gets zeros.
"""

from typing import TYPE_CHECKING

from kassa.emv import outcome, tags
from kassa.emv.kernels import common
from kassa.emv.kernels.kernel3 import Kernel3
from kassa.emv.preprocessing import TTQ1_OFFLINE_ONLY

if TYPE_CHECKING:
    from kassa.emv.outcome import Outcome
    from kassa.emv.tap import Tap

_CURRENCY = 0x9F51


class Kernel7:
    """One instance serves every tap; nothing is kept between them."""

    def __init__(self) -> None:
        self._qualified = Kernel3()

    async def run(self, tap: "Tap") -> "Outcome":
        """Take the application selected in `tap` to an outcome."""
        result = await self._qualified.run(tap)
        # CX-1: a TC counts in the card's own currency only.
        if result.kind != outcome.APPROVED or _own_currency(tap):
            return result
        if tap.ttq[0] & TTQ1_OFFLINE_ONLY:
            return common.declined(tap, "CX-1", "not the card's currency", result.cvm)
        tap.decide("CX-1", "a TC, but not in the card's currency")
        return common.online_request(tap, "CX-1", result.cvm or outcome.CVM_NONE)

    async def issuer_update(
        self, tap: "Tap", answer: "dict[int, bytes]", scripts: "list[bytes]"
    ) -> None:
        """The second tap: as kernel 3 (C3-7)."""
        await self._qualified.issuer_update(tap, answer, scripts)


def _own_currency(tap: "Tap") -> bool:
    currency = tap.data.get(_CURRENCY, tap.data.get(tags.CURRENCY_CARD))
    return currency is None or currency == tap.terminal_data[tags.CURRENCY]
