"""A terminal without panel, keys and printer: payment, journal, link and keys of the real firmware
on the virtual chip, file system and journal on its flash, the sandbox acquirer at the other end.

It can be set back to an earlier moment (flash and the bank's books), so that a power cut at any
flash operation of a step starts from just before that step.
"""

from __future__ import annotations

import datetime
import json
import sqlite3
from dataclasses import dataclass, field
from typing import Any

from host_tools.board import load as load_board
from simulator.acquirer import key_material, virtual
from simulator.acquirer.acquirer import Acquirer
from simulator.acquirer.ledger import Ledger, Name
from simulator.acquirer.pki import Pki
from simulator.chips.nor_flash import PowerCut, Snapshot
from simulator.clock import VirtualClock
from simulator.network import Network
from simulator.wiring import Wiring
from tests.conftest import REFERENCE_BOARD, new_world
from tests.host.bench import PAN, TRACK2, config_document, emv_data

TERMINAL_ID = "KASSA001"
OFFLINE = {"per_sale": 100_000, "total": 10_000_000, "count": 75, "patience_ms": 5_000}
DEBTS_WITHIN_S = 600
_START = datetime.datetime(2026, 1, 5, 10, 0, tzinfo=datetime.UTC)


@dataclass
class Promises:
    """What people have been told: batch and STAN -> minor units the merchant was promised."""

    made: dict[tuple[int, int], int] = field(default_factory=dict)
    taken_back: set[tuple[int, int]] = field(default_factory=set)

    def copy(self) -> Promises:
        return Promises(dict(self.made), set(self.taken_back))


@dataclass(frozen=True)
class Moment:
    """Everything that survives: the flash, the bank's books, and what people remember."""

    flash: Snapshot
    books: bytes
    promises: Promises
    now_ns: int


class Radio:
    """Wi-Fi as the payment rooms see it."""

    def __init__(self, network: Network) -> None:
        self._network = network

    @property
    def joined(self) -> bool:
        return self._network.is_up


class Till:
    """One terminal and its bank.  `seed` moves the network's dice and the chip's random bits."""

    def __init__(self, pki: Pki, seed: int = 0, moment: Moment | None = None) -> None:
        self.pki = pki
        self.wiring = Wiring(load_board(REFERENCE_BOARD), VirtualClock(), seed)
        self.clock = self.wiring.clock
        self.flash = self.wiring.flash
        self.promises = Promises()
        self.acquirer = Acquirer(now=self._now)
        self.lines: list[str] = []
        self.world: Any = None
        self._tasks: list[Any] = []
        if moment is None:
            self._provision()
        else:
            self.clock.advance_to(moment.now_ns)
            self.flash.restore(moment.flash)
            _connection(self.acquirer.ledger).deserialize(moment.books)
            self.promises = moment.promises.copy()
        self.network = Network(self.clock, seed=seed)
        virtual.listen(self.network, self.acquirer, pki, "10.0.0.1", 8583)
        self.boot()

    def _now(self) -> datetime.datetime:
        return _START + datetime.timedelta(microseconds=self.clock.now_ns // 1000)

    def _provision(self) -> None:
        root = self.wiring.filesystem()
        root.mkdir("/tls")
        for path, content in self.pki.terminal(TERMINAL_ID).as_files().items():
            root.write_file(path, content)
        world = new_world(wiring=self.wiring, root=root)
        store = world.load("kassa.security.key_store").KeyStore()
        store.inject(
            key_material.initial_key(TERMINAL_ID), key_material.initial_key_id(TERMINAL_ID)
        )
        world.close()

    def moment(self) -> Moment:
        """This moment, to begin from again; the terminal should be at rest."""
        books = _connection(self.acquirer.ledger).serialize()
        return Moment(self.flash.snapshot(), books, self.promises.copy(), self.clock.now_ns)

    # -- power

    def boot(self) -> None:
        """Switch on: nothing is left but the flash."""
        self.flash.power_on()
        self.world = new_world(
            wiring=self.wiring, root=self.wiring.filesystem(), network=self.network
        )
        load = self.world.load
        document = config_document() | {"offline": OFFLINE}
        config = load("kassa.system.config").TerminalConfig(document, "test")
        state_file = load("kassa.system.state_file").StateFile
        log = load("kassa.system.log").Log(self.lines.append)
        clock = load("kassa.system.clock").Clock(
            load("machine").RTC(), state_file("/state/clock.json"), 60
        )
        now = self._now()
        clock.set_utc((now.year, now.month, now.day, now.hour, now.minute, now.second))
        keys = load("kassa.security.key_store").KeyStore()
        self.link = load("kassa.host.link").HostLink(config, keys, clock, log)
        partition = load("esp32").Partition
        found = partition.find(partition.TYPE_DATA, label="journal")
        sealer = load("kassa.journal.sealed").Sealer(
            load("kassa.system.device_key").DeviceKey().load()
        )
        self.journal = load("kassa.journal.journal").Journal(
            found[0], sealer, load("kassa.journal.anchor").Anchor(), log
        )
        builder = load("kassa.host.messages").Builder(config, clock)
        self.payments = load("kassa.payment.payments").Payments(
            config,
            self.link,
            builder,
            keys,
            self.journal,
            state_file("/state/batch"),
            clock,
            Radio(self.network),
            log,
        )
        self.terminal_clock = clock
        self.life = load("kassa.payment.transaction")
        self.outcome = load("kassa.emv.outcome")
        self.asyncio = load("asyncio")
        self.book = self.payments.book
        self.book.open()
        for room in (
            self.link,
            self.payments.reversals,
            self.payments.forwarder,
            self.payments.settler,
        ):
            self._tasks.append(self.asyncio.create_task(room.run()))

    def power_off(self) -> None:
        """Pull the plug."""
        self.world.close()
        self.network.hang_up()
        self.wiring.power_off()
        self._tasks.clear()

    # -- what people do; each ends with what they have been told

    def run(self, coroutine: Any, within_s: float = 120) -> Any:
        return self.world.run(coroutine, timeout_s=within_s)

    def wait(self, seconds: float) -> None:

        async def sleep() -> None:
            await self.asyncio.sleep_ms(int(seconds * 1000))

        self.run(sleep(), seconds + 5)

    def sale(self, amount_minor: int = 1250, offline: bool = False) -> Any:
        """Tap a card for so much; the transaction, told to the customer."""
        authoriser = self.payments.authoriser
        self.payments.offline.mode = "force_offline" if offline else "prefer_online"

        async def sell() -> Any:
            transaction = self._begin("sale", amount_minor)
            transaction.attach_card(self._tap(amount_minor))
            transaction.move(self.life.CARD_READ)
            await authoriser.authorise(transaction)
            self._tell(transaction)
            return transaction

        return self.run(sell())

    def refund(self, sale_name: tuple[int, int], amount_minor: int) -> Any:
        """Give back a part of a sale."""

        async def give_back() -> Any:
            transaction = self._begin("refund", amount_minor)
            transaction.original = sale_name
            await self.payments.authoriser.authorise(transaction)
            self._tell(transaction)
            return transaction

        return self.run(give_back())

    def void(self, stan: int) -> Any:
        """Take back what has that STAN in the open batch."""
        # From the moment of asking either side may have it, as long as both agree.
        self.promises.taken_back.add((self.book.batch, stan))
        return self.run(self.payments.voids.void(stan, 20_000))

    def settle(self) -> bool:
        """Close the batch; whether the bank has counted the same."""

        async def close() -> bool:
            settler = self.payments.settler
            if not await settler.ready(60_000):
                return False
            settler.verdict = None
            settler.news.clear()
            settler.close()
            return await settler.answered(60_000) and settler.verdict.balanced

        return self.run(close(), 300)

    def debts_paid(self, within_s: float = DEBTS_WITHIN_S) -> bool:
        """Let the terminal pay what it owes; whether it did."""

        async def pay() -> bool:
            for _ in range(int(within_s * 10)):
                book = self.book
                if not (book.owed or book.stored or book.settling):
                    return True
                await self.asyncio.sleep_ms(100)
            return False

        return self.run(pay(), within_s + 5)

    def _begin(self, kind: str, amount_minor: int) -> Any:
        return self.book.begin(kind, amount_minor, "EUR", self.terminal_clock.local())

    def _tap(self, amount_minor: int) -> Any:
        outcome = self.outcome.Outcome(self.outcome.ONLINE_REQUEST)
        outcome.pan, outcome.expiry, outcome.psn = PAN, "2812", 1
        outcome.track2 = bytearray(TRACK2)
        outcome.aid = bytes.fromhex("A0000000031010")
        outcome.label, outcome.scheme = "VISA CREDIT", "visa"
        outcome.emv_data = lambda: emv_data(amount_minor)
        return outcome

    def _tell(self, transaction: Any) -> None:
        if transaction.state in self.life.MONEY:
            sign = -1 if transaction.kind == "refund" else 1
            self.promises.made[transaction.name] = sign * transaction.amount_minor

    # -- comparing books

    def terminal_books(self) -> dict[tuple[int, int], int]:
        """What the terminal's journal says it has: batch and STAN -> minor units."""
        kept = {}
        for batch in range(max(1, self.book.batch - 1), self.book.batch + 1):
            for transaction in self.book.history.in_batch(batch):
                sign = -1 if transaction.kind == "refund" else 1
                kept[transaction.name] = sign * transaction.amount_minor
        return kept

    def bank_books(self) -> dict[tuple[int, int], int]:
        """The same of the bank.  A name that occurs twice there would be on another date."""
        kept: dict[tuple[int, int], int] = {}
        for name, minor in self.acquirer.ledger.kept(TERMINAL_ID).items():
            assert isinstance(name, Name)
            key = int(name.batch), int(name.stan)
            assert key not in kept, f"{key} has effect twice"
            kept[key] = minor
        return kept

    def assert_nothing_lost_and_nothing_twice(self) -> None:
        """Both sides have the same, and everything that somebody was promised is in it."""
        terminal, bank = self.terminal_books(), self.bank_books()
        # The terminal keeps the open batch and the one before; older ones settled in balance.
        recent = {name: minor for name, minor in bank.items() if name[0] >= self.book.batch - 1}
        assert terminal == recent, f"terminal {terminal}, bank {recent}, {self.tail()}"
        # What the bank declined after the fact is not lost: the merchant is told of each.
        excused = self.promises.taken_back | set(self.book.refused)
        for name, minor in self.promises.made.items():
            if name not in excused:
                assert bank.get(name) == minor, f"{name} was promised and is lost: {self.tail()}"

    def tail(self) -> str:
        return "\n".join(self.lines[-25:])

    @property
    def events(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.lines]


def _connection(ledger: Ledger) -> sqlite3.Connection:
    """The one connection of a ledger in memory."""
    raw = ledger._engine.raw_connection()
    return raw.driver_connection  # type: ignore[return-value]


__all__ = ["Moment", "PowerCut", "Promises", "Till"]
