"""One look at each part of the terminal: is it well, and if not, what to do.

    found = await checks.reader(pn532)
    found.name, found.verdict, found.detail, found.remedy
    ("reader", "fail", "no card reader answers; check its wiring ...", "remedy.reader")

Every check is a function or a coroutine function of the object it looks at, takes no more than it
names, changes nothing that a customer would notice, never raises for a fault of the part, and
gives one `Check`:

    name      the part, as tools know it; the same every time
    verdict   OK, WARN (works, but somebody should look) or FAIL (does not work)
    detail    figures or the error, for a technician: plain English, no card data, no keys
    remedy    key of the catalogue (`remedy.*`), "" when all is well

The quiet hour, the service menu and a technician's tool at the raw REPL use the same functions.
Nothing else may use the part meanwhile.
"""

import asyncio
import os
from collections import namedtuple
from typing import TYPE_CHECKING

from micropython import const

from kassa.drivers.errors import DriverError
from kassa.drivers.printer import NEAR_END, OUT
from kassa.drivers.printer_line import PrinterError
from kassa.payment import limits
from kassa.security import certificate
from kassa.security.errors import SecurityError
from kassa.system import health
from kassa.system.errors import KassaError

if TYPE_CHECKING:
    from network import WLAN

    from kassa.drivers.keypad import Keypad
    from kassa.drivers.panel_bus import PanelDriver
    from kassa.drivers.pn532 import PN532
    from kassa.drivers.printer import Printer
    from kassa.drivers.tamper import TamperSwitch
    from kassa.host.link import HostLink
    from kassa.journal.journal import Journal
    from kassa.payment.book import Book
    from kassa.security.key_store import KeyStore
    from kassa.system.clock import Clock, Moment

OK = "ok"
WARN = "warn"
FAIL = "fail"

Check = namedtuple("Check", ("name", "verdict", "detail", "remedy"))

_KIB = const(1024)
_HEAP = (24 * 1024, 12 * 1024, 12 * 1024, 6 * 1024)
# The next TLS connection takes 16 KiB and 4 KiB for its messages and some 15 KiB to begin.
_SYSTEM_HEAP = (24 * 1024, 12 * 1024, 17 * 1024, 8 * 1024)
_FLASH_WARN, _FLASH_FAIL = const(48 * 1024), const(16 * 1024)
_HOT_WARN, _HOT_FAIL, _COLD_WARN = const(80), const(100), const(-20)
_WORN_PERCENT = const(80)
_SLOTS_WARN = const(60)
_AT_ONCE = const(8)
_DAYS_WARN = const(30)
_PN532, _PN532_VERSION, _PN532_REVISION = const(0x32), const(1), const(6)
_WEAK_DBM = const(-80)


def _judge(name: str, value: int, warn: int, fail: int, detail: str, remedy: str) -> Check:
    """A figure that should be large."""
    if value < fail:
        return Check(name, FAIL, detail, remedy)
    if value < warn:
        return Check(name, WARN, detail, remedy)
    return Check(name, OK, detail, "")


def _memory(name: str, free: int, largest: int, limits: "tuple[int, int, int, int]") -> Check:
    """`limits`: free bytes to warn below and to fail below, then the same of the largest piece."""
    detail = "%d KiB free, largest piece %d KiB" % (free // _KIB, largest // _KIB)
    found = _judge(name, free, limits[0], limits[1], detail, "remedy.memory")
    if found.verdict == FAIL:
        return found
    piece = _judge(name, largest, limits[2], limits[3], detail, "remedy.memory")
    return found if piece.verdict == OK else piece


def heap() -> Check:
    """MicroPython's heap: what is free, and its largest piece."""
    return _memory("heap", health.free_bytes(), health.largest_block(), _HEAP)


def system_heap() -> Check:
    """ESP-IDF's heap, which Wi-Fi and TLS live from."""
    free, largest = health.system_heap()
    return _memory("system heap", free, largest, _SYSTEM_HEAP)


def temperature() -> Check:
    """The chip's own temperature, where it tells."""
    degrees = health.temperature_c()
    if degrees is None:
        return Check("temperature", OK, "this chip does not tell", "")
    detail = "%d degrees Celsius in the chip" % degrees
    verdict = FAIL if degrees > _HOT_FAIL else WARN
    if _COLD_WARN <= degrees <= _HOT_WARN:
        return Check("temperature", OK, detail, "")
    return Check("temperature", verdict, detail, "remedy.temperature")


def flash(path: str = "/") -> Check:
    """Free space of the file system."""
    try:
        free = health.flash_free_bytes(path)
    except OSError as error:
        detail = "the file system does not answer (error %s)" % error.errno
        return Check("flash", FAIL, detail, "remedy.flash")
    detail = "%d KiB free" % (free // _KIB)
    return _judge("flash", free, _FLASH_WARN, _FLASH_FAIL, detail, "remedy.flash")


def clock(clock: "Clock") -> Check:
    """Whether the time is known, and from whom."""
    if not clock.is_set:
        return Check("clock", FAIL, "not set", "remedy.clock")
    told = "%04d-%02d-%02d %02d:%02d:%02d UTC" % clock.utc()
    if not clock.trusted:
        return Check("clock", WARN, told + ", as last known before power was lost", "remedy.clock")
    return Check("clock", OK, told, "")


def journal(journal: "Journal") -> Check:
    """What the journal found out about itself, how full it is, and how worn."""
    report = journal.report
    if report.tampered:
        why = "rolled back" if report.rolled_back else "not the one that this terminal left"
        return Check("journal", FAIL, "the journal is " + why, "remedy.journal")
    detail = "%d records, %d slots free, %d damaged, blocks erased %d times" % (
        report.records,
        journal.free_slots,
        report.quarantined_count,
        journal.erases,
    )
    if report.quarantined_count:
        return Check("journal", WARN, detail, "remedy.journal")
    if wear(journal).verdict != OK:
        return Check("journal", WARN, detail, "remedy.wear")
    if journal.free_slots < _SLOTS_WARN:
        return Check("journal", WARN, detail, "remedy.pending")
    return Check("journal", OK, detail, "")


def wear(journal: "Journal") -> Check:
    """How much of their life the journal's blocks have behind them."""
    percent = 100 * journal.erases // health.BLOCK_LIFE
    detail = "erased %d times, %d %% worn" % (journal.erases, percent)
    if percent >= _WORN_PERCENT:
        return Check("wear", WARN, detail, "remedy.wear")
    return Check("wear", OK, detail, "")


async def journal_proof(log: "Journal") -> Check:
    """Prove every record anew, then as `journal`.  Takes some ms a record, with breaks; when
    something is trimmed meanwhile, the rest is left to the next time."""
    oldest = log.oldest
    count = 0
    try:
        for _ in log.records():
            count += 1
            if count % _AT_ONCE == 0:
                await asyncio.sleep_ms(0)
                if log.oldest != oldest:
                    break
    except (KassaError, OSError) as error:
        return Check("journal", FAIL, str(error), "remedy.journal")
    return journal(log)


def pending(book: "Book") -> Check:
    """Money that the host does not have yet, and debts to it."""
    stored, owed = len(book.stored), len(book.owed)
    detail = "%d payments to send, %d reversals owed" % (stored, owed)
    if stored or owed:
        return Check("pending", WARN, detail, "remedy.pending")
    return Check("pending", OK, detail, "")


def slot(board: str, chip: str) -> Check:
    """Prove the running version file by file, and the other slot's if there is one.

    board, chip: the names that boot.py checks a version by.  Takes a second or two, in one piece.
    """
    from kassa.security import signed_file, slot_check
    from kassa.system.slots import other, running

    ours = running()
    if not ours:
        return Check("slot", OK, "this terminal has no slots", "")
    told = ours
    for name in (ours, other(ours)):
        if name != ours and not has_version(name):
            continue
        try:
            manifest = slot_check.check("/" + name, signed_file.load(), board, chip)
        except (SecurityError, OSError) as error:
            # What runs was right when it was started: something has happened to the flash.  The
            # other may be half of a version that is still being fetched.
            verdict = FAIL if name == ours else WARN
            return Check("slot", verdict, name + ": " + str(error), "remedy.slot")
        if name == ours:
            told += " holds " + manifest["version"]
    return Check("slot", OK, told, "")


def has_version(slot: str) -> bool:
    """Whether anything that says what it is lies in a slot."""
    return exists("/" + slot + "/manifest.json")


def exists(path: str) -> bool:
    """Whether there is something at `path`."""
    try:
        os.stat(path)
    except OSError:
        return False
    return True


def keys(keys: "KeyStore") -> Check:
    """Whether the transaction keys can be read and are not used up."""
    try:
        ready = keys.ready
    except (SecurityError, OSError) as error:
        return Check("keys", FAIL, str(error), "remedy.keys")
    if not ready:
        return Check("keys", FAIL, "no keys, or all of them used up", "remedy.keys")
    return Check("keys", OK, "there", "")


def certificates(clock: "Clock", folder: str = "/tls") -> Check:
    """How long the certificates of the link to the host still hold: the CA's and the terminal's
    own.  Without a clock that is trusted there is only a warning."""
    told = []
    verdict = OK
    for name in ("ca", "client"):
        try:
            with open(folder + "/" + name + ".der", "rb") as file:
                begins, ends = certificate.validity(file.read())
        except OSError:
            return Check("certificates", FAIL, name + ".der is missing", "remedy.certificates")
        except SecurityError as error:
            detail = name + ".der is no certificate: " + str(error)
            return Check("certificates", FAIL, detail, "remedy.certificates")
        now = clock.utc()
        line = name + " until " + _date(ends)
        if clock.trusted and now < begins:
            line, verdict = name + " not valid before " + _date(begins), FAIL
        elif clock.trusted and now > ends:
            line, verdict = name + " expired on " + _date(ends), FAIL
        elif verdict != FAIL and limits.days(ends) - limits.days(now) < _DAYS_WARN:
            verdict = WARN
        told.append(line)
    detail = ", ".join(told)
    if not clock.trusted:
        detail += "; the time is not certain"
        return Check("certificates", WARN, detail, "remedy.clock")
    return Check("certificates", verdict, detail, "" if verdict == OK else "remedy.certificates")


def _date(moment: "Moment") -> str:
    return "%04d-%02d-%02d" % moment[:3]


async def reader(reader: "PN532") -> Check:
    """Start the card reader anew and ask for its version; its field is off afterwards."""
    try:
        chip, version, revision, _ = await reader.start()
    except DriverError as error:
        return Check("reader", FAIL, str(error), "remedy.reader")
    detail = "PN5%02x, firmware %d.%d" % (chip, version, revision)
    if (chip, version, revision) != (_PN532, _PN532_VERSION, _PN532_REVISION):
        return Check("reader", FAIL, detail + ", which is not known", "remedy.reader")
    return Check("reader", OK, detail, "")


async def printer(printer: "Printer") -> Check:
    """Ask the printer for its status."""
    try:
        status = await printer.status()
    except PrinterError as error:
        return Check("printer", FAIL, str(error), "remedy.printer")
    if status.paper == OUT:
        return Check("printer", FAIL, "out of paper", "remedy.paper")
    if status.cover_open or not status.online:
        detail = "the cover is open" if status.cover_open else "off line"
        return Check("printer", FAIL, detail, "remedy.printer")
    if status.paper == NEAR_END:
        return Check("printer", WARN, "little paper left", "remedy.paper")
    return Check("printer", OK, "ready", "")


def panel(panel: "PanelDriver") -> Check:
    """Whether the started panel answers, where the board lets it."""
    answers = panel.answers()
    if answers is None:
        return Check("panel", OK, "cannot be asked: its data output is not wired", "")
    if not answers:
        return Check("panel", FAIL, "does not answer", "remedy.panel")
    return Check("panel", OK, "answers", "")


def keypad(keypad: "Keypad", at_rest: bool = False) -> Check:
    """Keys that have been down for too long; `at_rest`, when nobody touches the keypad, keys that
    are down at all."""
    stuck = keypad.down() if at_rest else keypad.stuck()
    if stuck:
        return Check("keypad", FAIL, "stuck: " + ", ".join(stuck), "remedy.keypad")
    return Check("keypad", OK, "no key is stuck", "")


def case(switch: "TamperSwitch") -> Check:
    """Whether the case is closed, and was all the time."""
    if switch.is_open:
        return Check("case", FAIL, "the case is open", "remedy.case")
    if switch.tripped:
        return Check("case", FAIL, "the case was opened", "remedy.case")
    return Check("case", OK, "closed", "")


def wifi(wlan: "WLAN") -> Check:
    """Whether the network is joined, and how well it is heard."""
    if not wlan.isconnected():
        return Check("wifi", FAIL, "not joined", "remedy.wifi")
    strength = wlan.status("rssi")
    detail = "signal %d dBm" % strength
    if strength < _WEAK_DBM:
        return Check("wifi", WARN, detail + ", weak", "remedy.wifi")
    return Check("wifi", OK, detail, "")


def host(link: "HostLink") -> Check:
    """Whether the host has accepted us, and the health of its routes."""
    told = []
    for route in link.routes.all:
        told.append("%s: %d ms, %d failures" % (route.name, route.answer_ms, route.failures))
    detail = "; ".join(told)
    if not link.online:
        return Check("host", FAIL, "not connected; " + detail, "remedy.host")
    return Check("host", OK, detail, "")
