"""Importing flows when they are first wanted, without losing a key that is pressed meanwhile.

An import reads flash and holds everything up for some milliseconds.  So modules come one at a
time, those that others need first, and between two of them the keypad is scanned.
"""

import asyncio

from micropython import const

_REST_MS = const(20)  # two scans of the keypad

# Below `kassa`, in one text each, which takes less of the heap than a text for every name.
BACK_OFFICE = (
    "ui.views.result ui.views.staff app.receipts emv.tags emv.tlv emv.outcome "
    "emv.transaction_data app.card_reading app.completion app.refund app.back_office"
)
SERVICE = "ui.views.staff ui.views.service security.pbkdf2 app.visit app.service"
SERVICE_MENU = (
    "drivers.printer_line drivers.printer security.certificate app.checks ui.paper "
    "ui.views.tap app.service_facts app.service_tests"
)
SALE = (
    "ui.views.tap ui.views.result emv.tags emv.tlv emv.outcome emv.transaction_data "
    "app.card_reading app.completion app.sale app.receipts payment.offline "
    "payment.authorise payment.void drivers.printer_line drivers.printer ui.paper"
)
CARDS = (
    "emv.config_reader emv.config emv.oda.recovery emv.oda.certificates "
    "emv.oda.signatures emv.oda emv.ca_keys emv.apdu emv.preprocessing emv.dol "
    "emv.selection emv.kernels emv.tap emv.entry_point payment.exceptions payment.risk"
)


async def load(names: str) -> None:
    """Import modules, one after the other."""
    for name in names.split():
        __import__("kassa." + name)
        await rest()


async def rest() -> None:
    """Let keys be noticed."""
    await asyncio.sleep_ms(_REST_MS)
