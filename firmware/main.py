"""The wiring: board -> drivers -> rooms -> terminal.  The only place that builds things.

Large buffers are taken first and once, while the heap is in one piece: the panel's strip, the
reader's frames, the host link's message.  What belongs to this version of the firmware is opened
by relative path: the current directory is the slot that boot.py has chosen.
"""

import gc

import machine

machine.freq(240_000_000)  # the stock firmware starts most boards at 160 MHz
# Collect often: what stays lies close together, so that the large buffers find room, and no import
# meets a heap that is full to the last byte.
gc.threshold(65536)

import asyncio
import os
from typing import TYPE_CHECKING

import network
from board import BOARD  # pyright: ignore[reportMissingImports] - made from the board file
from esp32 import Partition
from kassa.app import loading
from kassa.app.care import Care
from kassa.app.terminal import Terminal
from kassa.drivers import parts
from kassa.drivers.errors import DriverError
from kassa.drivers.panel import make_panel
from kassa.host.link import HostLink
from kassa.host.messages import Builder
from kassa.journal.anchor import Anchor
from kassa.journal.journal import Journal
from kassa.journal.sealed import Sealer
from kassa.payment.payments import Payments
from kassa.security import signed_file
from kassa.security.errors import BadSignature
from kassa.security.key_store import KeyStore
from kassa.system import config as configuration
from kassa.system.black_box import BlackBox
from kassa.system.board import Board, BoardError
from kassa.system.clock import Clock
from kassa.system.counters import POWER, TASK, Counters
from kassa.system.device_key import DeviceKey
from kassa.system.errors import KassaError
from kassa.system.log import Log
from kassa.system.slots import STATE, Slots
from kassa.system.state_file import StateError, StateFile
from kassa.system.tasks import CriticalTaskEnded, Supervisor
from kassa.system.watchdog import Watchdog
from kassa.system.wifi import Wifi
from kassa.ui.display import Display
from kassa.ui.language import Catalogue
from kassa.ui.screens import Screens
from kassa.ui.type import Fonts
from micropython import const
from version import VERSION

if TYPE_CHECKING:
    from collections.abc import Callable

    from kassa.drivers.keypad import Keypad
    from kassa.drivers.pn532 import PN532
    from kassa.drivers.tamper import TamperSwitch
    from kassa.emv.entry_point import EntryPoint
    from kassa.ui.paper import Paper

_STRIP_LINES = const(24)
_WATCHDOG_MS = const(15_000)
_TROUBLE_SHOWN_MS = const(5_000)
_PREPARE_EVERY_MS = const(2_000)
_EMV_CONFIGURATION = "/config/emv.json"
_EMV_SIGNATURE = "/config/emv.sig"
_HOST_WITHIN_MS = const(600_000)
_LOOK_MS = const(1_000)
_QUIET_MS = const(30_000)
_ANCHOR_AFTER = const(10)
# Longest time between two heartbeats of a task: a few times what it takes when all goes well.
_BEATS_WITHIN_MS = const(120_000)
# Of the terminal's own task: settling may wait twice for the host, a minute each, on one screen.
_TERMINAL_SLACK_MS = const(180_000)


def paper_opener(board: Board, fonts: Fonts, log: Log) -> "Callable[[], Paper]":
    """What makes the paper of the receipt printer; nothing is printed before the first sale is."""
    make_printer = parts.printer_maker(board)

    def open_paper() -> "Paper":
        from kassa.ui.paper import Paper

        return Paper(make_printer(), fonts, log)

    return open_paper


async def main() -> None:
    """Build the terminal and run it until a critical task ends; then say so and restart
    the chip."""
    log = Log()
    box, counters = BlackBox(), Counters(StateFile("/state/counters"))
    log.on_trouble = lambda line: (counters.note(line), box.add(line))
    why = counters.started(machine.reset_cause())
    box.boot = counters.boots
    if why != POWER:
        box.add({"at": "main", "is": "started", "why": why})
    board = Board(BOARD)
    panel = make_panel(board)
    strip = bytearray(panel.width * _STRIP_LINES * 2)
    reader = parts.make_reader(board, log)
    keypad = parts.make_keypad(board)
    lamps, buzzer = parts.make_lamps(board), parts.make_buzzer(board)
    await panel.start()
    display = Display(panel, strip, log, Fonts("assets/fonts"))
    words = Catalogue("assets/words", "en")
    open_paper = paper_opener(board, display.fonts, log)
    screens = Screens(display, keypad, buzzer, lamps, words, log)
    await screens.show("starting")
    supervisor = Supervisor(Watchdog(machine.WDT(timeout=_WATCHDOG_MS)), log)
    supervisor.start_beating("keypad", keypad.run, _BEATS_WITHIN_MS)
    switch = parts.make_case_switch(board)
    supervisor.start_beating("case opened", switch.opened, _BEATS_WITHIN_MS)
    try:
        start_terminal(supervisor, log, box, counters, keypad, reader, screens, switch, open_paper)
    except (KassaError, OSError) as error:
        log.trouble("main", "terminal cannot start", error)
        unsigned = isinstance(error, BadSignature)
        fault = words.t("fault.emv_configuration") if unsigned else str(error)
        await screens.show("out_of_order", fault=fault)
        if not has_file(configuration.PATH):
            come_up(log, provisioned=False)
        box.write()
    try:
        await supervisor.watch()
    except CriticalTaskEnded as end:
        log.event("main", "restart", task=end.name)
        box.last_words({"at": "main", "is": "restart", "task": end.name})
        counters.restarting(TASK)
        await screens.show("out_of_order", fault=end.name)
        await asyncio.sleep_ms(_TROUBLE_SHOWN_MS)
    machine.reset()


def open_journal(log: Log) -> Journal:
    """The journal on its partition.  The radio must be on: keys and epochs are drawn from it."""
    found = Partition.find(Partition.TYPE_DATA, label="journal")
    if not found:
        raise BoardError("the partition `journal` is missing; flash the board's partition table")
    return Journal(found[0], Sealer(DeviceKey().load()), Anchor(), log)


async def open_cards(path: str, payments: Payments, clock: Clock, log: Log) -> "EntryPoint":
    """What reads cards and decides about them, as the configuration in `path` says; imported when
    it is first wanted.  Raises ConfigError."""
    from kassa.emv import config as documents
    from kassa.emv import kernels
    from kassa.emv.ca_keys import CaKeys
    from kassa.emv.entry_point import EntryPoint
    from kassa.emv.oda import Oda
    from kassa.payment.risk import Risk

    with open(path) as file:
        emv = documents.from_json(file.read())
    for number in {combination.kernel for combination in emv.combinations}:
        await loading.rest()
        kernels.create(number)  # for its module, which takes a while to import
    await loading.rest()
    risk = Risk(emv, payments.book.by_card, clock, DeviceKey().load())
    payments.offline.risk = risk
    return EntryPoint(emv, log, oda=Oda(CaKeys(emv.ca_keys, emv.revoked), log), risk=risk)


def has_file(path: str) -> bool:
    """Whether there is something at `path`."""
    try:
        os.stat(path)
    except OSError:
        return False
    return True


def come_up(log: Log, provisioned: bool = True) -> None:
    """This version works: it stays in use, and whoever put it there hears of it."""
    slots = Slots(StateFile(STATE))
    try:
        slots.came_up()
    except StateError as error:
        log.trouble("main", "slot not confirmed", error)
    log.event("main", "came up", slot=slots.running, version=VERSION, provisioned=provisioned)


async def prove(terminal: Terminal, log: Log) -> None:
    """Come up.  A version on trial gives way when it cannot read cards with this terminal's
    configuration, leaves too little memory, or does not reach the host where it must."""
    slots = Slots(StateFile(STATE))
    if slots.on_trial:
        try:
            await terminal.cards()
        except (KassaError, MemoryError) as error:
            log.trouble("main", "no cards on trial", error)
            machine.reset()
        from kassa.app import checks  # nobody else needs it by day

        for found in (checks.heap(), checks.system_heap()):
            if found.verdict == checks.FAIL:
                log.event("main", "restart", task="no memory on trial: " + found.detail)
                machine.reset()
        if slots.needs_host:
            for _ in range(_HOST_WITHIN_MS // _LOOK_MS):
                if terminal.link.online:
                    break
                await asyncio.sleep_ms(_LOOK_MS)
            else:
                log.event("main", "restart", task="no host on trial")
                machine.reset()
    come_up(log)


async def look_after(journal: Journal, beat: "Callable[[], None]") -> None:
    """Critical task: erase ahead while nobody waits, so that no sale waits for an erase; and when
    nothing was written for a while anchor the newest record, so that an older log is noticed."""
    head, rested = journal.head, 0
    while True:
        beat()
        await asyncio.sleep_ms(_PREPARE_EVERY_MS)
        while journal.prepare():
            await asyncio.sleep_ms(0)
        rested = rested + 1 if journal.head == head else 0
        head = journal.head
        if rested == _ANCHOR_AFTER:
            journal.anchor_head()


def start_terminal(
    supervisor: Supervisor,
    log: Log,
    box: BlackBox,
    counters: Counters,
    keypad: "Keypad",
    reader: "PN532",
    screens: Screens,
    switch: "TamperSwitch",
    open_paper: "Callable[[], Paper]",
) -> None:
    """Read what was provisioned and start the rooms.  Raises KassaError that names what is
    missing."""
    config = configuration.load()
    screens.catalogue.use(config.language)
    wlan = network.WLAN(network.WLAN.IF_STA)
    wifi = Wifi(wlan, config.network, log)
    wifi.start_radio()
    clock = Clock(machine.RTC(), StateFile("/state/clock"), config.utc_offset_minutes)
    clock.restore()
    box.clock = clock
    keys = KeyStore()
    link = HostLink(config, keys, clock, log)
    wifi.on_joined = link.hurry
    journal = open_journal(log)
    payments = Payments(
        config,
        link,
        Builder(config, clock),
        keys,
        journal,
        StateFile("/state/batch"),
        clock,
        wifi,
        log,
    )
    payments.book.open()
    # Which cards are taken and how much is risked: only as the terminal's owner has signed it.
    path = signed_file.find(_EMV_CONFIGURATION, _EMV_SIGNATURE)
    terminal = Terminal(
        config,
        clock,
        log,
        keypad,
        reader,
        screens,
        open_paper,
        lambda: open_cards(path, payments, clock, log),
        link,
        payments,
    )
    supervisor.start_beating("wifi", wifi.run, _BEATS_WITHIN_MS)
    supervisor.start_beating("host link", link.run, link.beats_within_ms)
    payments.start(supervisor)
    supervisor.start_beating("journal", lambda beat: look_after(journal, beat), _BEATS_WITHIN_MS)
    supervisor.start_beating(
        "terminal",
        lambda beat: run_terminal(terminal, counters, log, beat),
        3 * config.host["answer_timeout_ms"] + _TERMINAL_SLACK_MS,
    )
    terminal.care = Care(
        terminal,
        keys,
        box,
        counters,
        StateFile("/state/care"),
        StateFile("/state/trend"),
        BOARD,
        VERSION,
        machine.reset,
    )
    if config.service.hash:
        terminal.service = lambda: serve_technician(terminal, switch, wlan)
    supervisor.start_beating("care", terminal.care.run, _BEATS_WITHIN_MS + link.beats_within_ms)


async def run_terminal(
    terminal: Terminal, counters: Counters, log: Log, beat: "Callable[[], None]"
) -> None:
    """Critical task: serve customers from the moment that the reader works."""
    terminal.screens.beat = beat
    while True:
        try:
            version = await terminal.reader.start()
            break
        except DriverError as error:
            log.trouble("main", "no card reader", error)
            await terminal.screens.show("out_of_order", fault=str(error))
            await asyncio.sleep_ms(_TROUBLE_SHOWN_MS)
    log.event("main", "card reader", version=version)
    beside = [asyncio.create_task(prove(terminal, log))]
    if terminal.config.update.url and Slots(StateFile(STATE)).idle:
        beside.append(asyncio.create_task(keep_up_to_date(terminal, counters, log)))
    try:
        await terminal.run()
    finally:
        for task in beside:
            task.cancel()


async def keep_up_to_date(terminal: Terminal, counters: Counters, log: Log) -> None:
    """Fetch newer versions, and start them when nobody is there; imported when it is wanted."""
    from kassa.app.update import Updater, keep_up
    from kassa.host.download import Source

    wanted = terminal.config.update
    updater = Updater(
        Source(wanted.url, wanted.server_name),
        Slots(StateFile(STATE)),
        StateFile("/state/update"),
        BOARD,
        VERSION,
        lambda: terminal.idle,
        log,
    )
    terminal.updater = updater
    every_ms = wanted.every_hours * 3_600_000
    await keep_up(
        updater, every_ms, _QUIET_MS, lambda: terminal.idle, counters, machine.reset, log
    )


async def serve_technician(terminal: Terminal, case: "TamperSwitch", wlan: network.WLAN) -> None:
    """The service menu; imported when it is wanted."""
    await loading.load(loading.SERVICE)
    from kassa.app.service import Service

    await Service(terminal, case, wlan, StateFile("/state/service")).run()


asyncio.run(main())
