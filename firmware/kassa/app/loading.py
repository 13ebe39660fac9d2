"""Importing flows when they are first wanted, without losing a key that is pressed meanwhile.

An import reads flash and holds everything up for some milliseconds.  So modules come one at a
time, those that others need first, and between two of them the keypad is scanned.
"""

import asyncio

from micropython import const

_REST_MS = const(20)  # two scans of the keypad

BACK_OFFICE = (
    "kassa.app.receipts",
    "kassa.emv.tags",
    "kassa.emv.tlv",
    "kassa.emv.outcome",
    "kassa.emv.transaction_data",
    "kassa.app.card_reading",
    "kassa.app.completion",
    "kassa.app.refund",
    "kassa.app.back_office",
)
SALE = (
    "kassa.emv.tags",
    "kassa.emv.tlv",
    "kassa.emv.outcome",
    "kassa.emv.transaction_data",
    "kassa.app.card_reading",
    "kassa.app.completion",
    "kassa.app.sale",
    "kassa.app.receipts",
)
CARDS = (
    "kassa.emv.config_reader",
    "kassa.emv.config",
    "kassa.emv.oda.recovery",
    "kassa.emv.oda.certificates",
    "kassa.emv.oda.signatures",
    "kassa.emv.oda",
    "kassa.emv.ca_keys",
    "kassa.emv.apdu",
    "kassa.emv.preprocessing",
    "kassa.emv.dol",
    "kassa.emv.selection",
    "kassa.emv.kernels",
    "kassa.emv.tap",
    "kassa.emv.entry_point",
    "kassa.payment.exceptions",
    "kassa.payment.risk",
)


async def load(names: "tuple[str, ...]") -> None:
    """Import modules, one after the other."""
    for name in names:
        __import__(name)
        await rest()


async def rest() -> None:
    """Let keys be noticed."""
    await asyncio.sleep_ms(_REST_MS)
