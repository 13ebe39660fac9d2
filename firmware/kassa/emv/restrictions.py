"""Processing restrictions: may this card be used here, today, for this (Book C-2, 7.7; EMV 4.3
Book 3, 10.4)."""

from typing import TYPE_CHECKING

from kassa.emv import tags, tvr
from kassa.emv.transaction_data import (
    CASH,
    CASH_DISBURSEMENT,
    PURCHASE,
    PURCHASE_WITH_CASHBACK,
    comparable_date,
)

if TYPE_CHECKING:
    from kassa.emv.tap import Tap

_ATM = (0x14, 0x15, 0x16)

# Application usage control 9F07 (Book 3, Annex C2): domestic, international
_AUC1_CASH = (0x80, 0x40)
_AUC1_GOODS_OR_SERVICES = (0x28, 0x14)
_AUC1_AT_ATM = 0x02
_AUC1_ELSEWHERE = 0x01
_AUC2_CASHBACK = (0x80, 0x40)

_NAMES = (
    (tvr.VERSIONS_DIFFER, "versions differ"),
    (tvr.EXPIRED, "expired"),
    (tvr.NOT_YET_EFFECTIVE, "not yet effective"),
    (tvr.SERVICE_NOT_ALLOWED, "service not allowed"),
)


def check(tap: "Tap", rule: str = "C2-6") -> None:
    """C2-6: set the TVR bits of version, dates and usage.  Nothing here ends a transaction by
    itself.  `rule` is what a restriction is noted under."""
    card_version = tap.data.get(tags.VERSION_CARD)
    if card_version is not None and card_version != tap.terminal_data.get(tags.VERSION_TERMINAL):
        tap.set_tvr(tvr.VERSIONS_DIFFER)
    _dates(tap)
    _usage(tap)
    against = [name for bit, name in _NAMES if tap.tvr[bit >> 8] & bit & 0xFF]
    if against:
        tap.decide(rule, "restrictions: " + ", ".join(against))


def _dates(tap: "Tap") -> None:
    today = tap.transaction.date
    if today is None:
        # D-4: without a date nothing can be said of the card's; the terminal then asks online
        # anyway.
        return
    now = comparable_date(today)
    effective, expiry = tap.data.get(tags.EFFECTIVE), tap.data.get(tags.EXPIRY)
    if effective is not None and comparable_date(effective) > now:
        tap.set_tvr(tvr.NOT_YET_EFFECTIVE)
    if expiry is not None and comparable_date(expiry) < now:
        tap.set_tvr(tvr.EXPIRED)


def _usage(tap: "Tap") -> None:
    usage = tap.data.get(tags.USAGE_CONTROL)
    if usage is None:
        return
    kind = tap.transaction.type
    place = _AUC1_AT_ATM if _is_atm(tap) else _AUC1_ELSEWHERE
    allowed = bool(usage[0] & place)
    country = tap.data.get(tags.ISSUER_COUNTRY)
    if country is not None:
        abroad = 0 if country == tap.terminal_data[tags.COUNTRY] else 1
        if kind in (CASH, CASH_DISBURSEMENT):
            allowed = allowed and bool(usage[0] & _AUC1_CASH[abroad])
        if kind in (PURCHASE, PURCHASE_WITH_CASHBACK):
            allowed = allowed and bool(usage[0] & _AUC1_GOODS_OR_SERVICES[abroad])
        if kind == PURCHASE_WITH_CASHBACK or tap.transaction.amount_other_minor:
            allowed = allowed and bool(usage[1] & _AUC2_CASHBACK[abroad])
    if not allowed:
        tap.set_tvr(tvr.SERVICE_NOT_ALLOWED)


def _is_atm(tap: "Tap") -> bool:
    """A terminal that gives cash and is unattended (Book 3, 10.4.2: type and 9F40)."""
    gives_cash = tap.terminal_data[tags.ADDITIONAL_CAPABILITIES][0] & 0x80
    return bool(gives_cash) and tap.terminal.type[0] in _ATM
