"""What the terminal's own risk management has to say of a card while it is there (EMV 4.3 Book 3,
10.6).

The list of refused cards, the dice and the day's counters are handed in as `tap.risk`; here is
what comes of them: bits of the TVR, and a tap that must go online.  A terminal without has nothing
against any card.
"""

from typing import TYPE_CHECKING

from kassa.emv import tags, tvr

if TYPE_CHECKING:
    from kassa.emv.tap import Tap


def listed(tap: "Tap") -> bool:
    """R-1: True if the card is on the exception list; the TVR says so, and nothing may be approved
    offline.  Nor may it where nobody can tell, because the list cannot be relied on."""
    if tap.risk is None:
        return False
    found = tap.risk.listed(tap.pan, tap.psn)
    if found is None:
        # fail-closed.
        tap.go_online("R-1", "the exception list cannot be relied on")
        return False
    if found:
        _set(tap, tvr.ON_EXCEPTION_LIST)
        tap.go_online("R-1", "the card is on the exception list")
    return bool(found)


def select(tap: "Tap") -> bool:
    """R-2: True if this card must go online for this amount; the tap and the TVR say so.

    Nothing is drawn for a tap that goes online anyway.
    """
    if tap.risk is None or tap.online_only:
        return tap.online_only
    transaction = tap.transaction
    floor = None if tap.indicators is None else tap.indicators.floor_minor
    reason = "random"
    if not transaction.drawn_online:
        reason = tap.risk.select_online(
            tap.pan, transaction.amount_minor, floor, transaction.random
        )
    if not reason:
        return False
    if reason == "random":
        # EP-13: the same transaction, however often it is tapped; else one would tap until the
        # dice please.
        transaction.drawn_online = True
        _set(tap, tvr.RANDOMLY_SELECTED)
    elif reason == "velocity":
        _set(tap, tvr.LOWER_LIMIT_EXCEEDED)
        _set(tap, tvr.UPPER_LIMIT_EXCEEDED)
    tap.go_online("R-2", "terminal risk management: " + reason)
    return True


def _set(tap: "Tap", bit: int) -> None:
    """Set a bit of the TVR, unless the card has made its cryptogram already (with GET PROCESSING
    OPTIONS, as kernel 3's do): the issuer recomputes that over the TVR that the card was given."""
    if tags.CRYPTOGRAM not in tap.data:
        tap.set_tvr(bit)
