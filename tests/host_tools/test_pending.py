"""What is pending, as the host tools say it and as the terminal's own book has it."""

from __future__ import annotations

import pytest
from kassa.payment import records as payments
from kassa.payment import transaction as life
from kassa.payment.transaction import Transaction

from host_tools import pending
from host_tools.journal import ImageRecord, examine
from simulator.acquirer.pki import Pki
from tests.powercut.till import Till

STARTED = (2026, 11, 22, 10, 0, 0)


@pytest.fixture(scope="module")
def pki() -> Pki:
    return Pki()


def of_till(till: Till) -> pending.Pending:
    """From the raw partition and the key, as a technician has them."""
    place = till.wiring.partition("journal")
    key = till.world.load("kassa.system.device_key").DeviceKey().load()
    image = till.flash.image(place["offset"], place["size"])
    anchored = till.world.load("kassa.journal.anchor").Anchor().read()
    return pending.of(examine(image, key, anchored).records)


def assert_the_same(till: Till) -> None:
    found, book = of_till(till), till.book
    assert list(found.stored) == [one.name for one in book.stored]
    assert list(found.owed) == [one.name for one in book.owed]
    assert found.refused == book.refused
    assert found.settling == (book.settling and book.settling.batch)
    assert found.batch == book.batch
    totals = till.world.load("kassa.payment.totals").overall(book.totals)
    assert sum(found.net_minor.values()) == totals.net_minor
    assert found.count == totals.sales + totals.refunds


def test_a_day_is_told_as_the_terminals_book_has_it(pki: Pki) -> None:
    till = Till(pki)
    assert_the_same(till)
    sale = till.sale(1250)
    assert_the_same(till)
    till.refund(sale.name, 300)
    till.network.down()
    stored = [till.sale(minor, offline=True).stan for minor in (700, 5050, 120)]
    assert_the_same(till)
    assert of_till(till).sentences() == [
        "3 sales (58.70 EUR) stored offline, not sent yet.",
        "Batch 1 is open: 2 transactions, 9.50 EUR.",
    ]
    till.void(stored[1])
    assert_the_same(till)
    till.network.up()
    assert till.debts_paid()
    assert_the_same(till)
    till.void(sale.stan)
    till.debts_paid()
    assert_the_same(till)
    assert till.settle()
    assert_the_same(till)
    assert of_till(till).sentences() == ["Nothing is pending."]
    assert not of_till(till).anything
    till.power_off()


def test_an_answer_that_never_came_is_owed(pki: Pki) -> None:
    till = Till(pki)
    for request in ("0200", "0400"):
        till.acquirer.faults.next("drop_response", request)
    till.sale(1300)
    assert of_till(till).sentences() == ["1 reversal (13.00 EUR) owed to the host."]
    assert_the_same(till)
    till.power_off()


def record(number: int, kind: int, transaction: Transaction) -> ImageRecord:
    payload = payments.encode(kind, transaction)
    return ImageRecord(number, kind, len(payload), 0, number, False, payload)


def test_a_request_alone_is_a_reversal_owed() -> None:
    transaction = Transaction("sale", 1250, "EUR", 42, 7, STARTED)
    found = pending.of([record(1, payments.REQUESTED, transaction)])
    assert found.anything
    assert found.sentences() == ["1 reversal (12.50 EUR) owed to the host."]
    assert found.as_json()["owed"] == [
        {
            "batch": 7,
            "stan": 42,
            "kind": "sale",
            "amount_minor": 1250,
            "currency": "EUR",
            "started": "2026-11-22 10:00:00",
        }
    ]


def test_an_approval_counts_once_and_a_void_only_in_its_own_batch() -> None:
    earlier = Transaction("sale", 999, "EUR", 41, 6, STARTED)
    sale = Transaction("sale", 1250, "EUR", 42, 7, STARTED)
    requested, approved = (
        record(number, kind, sale)
        for number, kind in enumerate((payments.REQUESTED, payments.APPROVED), 1)
    )
    voiding = record(4, payments.VOIDING, earlier)
    found = pending.of([requested, approved, approved, voiding])
    assert (found.count, found.net_minor) == (1, {"EUR": 1250})
    assert list(found.owed) == [(6, 41)]


def test_what_cannot_be_read_is_passed_over() -> None:
    transaction = Transaction("sale", 1250, "JPY", 42, 7, STARTED)
    transaction.state = life.STORED
    records = [
        ImageRecord(1, payments.STORED, 3, 0, 1, False, b"???"),
        record(2, payments.STORED, transaction),
        ImageRecord(3, payments.FORWARDED, 6, 0, 3, False, None),
        ImageRecord(4, 99, 6, 0, 4, False, bytes(6)),
    ]
    assert pending.of(records).sentences() == ["1 sale (1250 JPY) stored offline, not sent yet."]
