"""What the terminal knows of itself, for a technician; and what it may be told to do.

Each function is an item of the service menu and takes the visit.
"""

import gc
import json
import os
from typing import TYPE_CHECKING

from micropython import const

from kassa.app import checks
from kassa.app.checks import FAIL, OK, WARN, Check
from kassa.system import health
from kassa.system.errors import KassaError
from kassa.system.slots import running
from kassa.system.tasks import first

if TYPE_CHECKING:
    from kassa.app.visit import Visit
    from kassa.host.routes import Route
    from kassa.system.clock import Clock

_KIB = const(1024)
_SLOW_MS = const(3_000)
_DRIFT_WARN_S = const(30)
_PSRAM_BYTES = const(1 << 20)
_PROGRESS_EVERY_MS = const(5_000)
_NO_ADDRESS = "0.0.0.0"


# -- the network


async def network(visit: "Visit") -> None:
    """Wi-Fi, address, every route to the host, certificates."""
    link = visit.terminal.link
    found = [checks.wifi(visit.wlan), address(visit)]
    for route in link.routes.all:
        found.append(_route(route, link.online))
    found.append(checks.certificates(visit.terminal.clock))
    await visit.tell_all("service.network", found)


def address(visit: "Visit") -> Check:
    """What DHCP has given."""
    own, _, gateway, dns = visit.wlan.ifconfig()
    if own == _NO_ADDRESS:
        return Check("address", FAIL, "none", "remedy.wifi")
    return Check("address", OK, own + ", gateway " + gateway + ", DNS " + dns, "")


def _route(route: "Route", online: bool) -> Check:
    """One way to the host, under its own name."""
    detail = "%d ms, %d failures" % (route.answer_ms, route.failures)
    if not route.answer_ms:
        detail = "never answered, %d failures" % route.failures
    detail += ", %s port %d" % (route.host, route.port)
    if route.failures:
        # Another one may serve meanwhile.
        return Check(route.name, WARN if online else FAIL, detail, "remedy.host")
    if route.answer_ms > _SLOW_MS:
        return Check(route.name, WARN, detail, "remedy.host")
    return Check(route.name, OK, detail, "")


# -- the clock


async def clock(visit: "Visit") -> None:
    """The time, and how far it was off when the host told it last."""
    known = visit.terminal.clock
    await visit.tell_all("service.clock", [checks.clock(known), drift(known)])


def drift(clock: "Clock") -> Check:
    """By how much the host's time differed the last time that the terminal signed on."""
    seconds = clock.drift_s
    if seconds is None:
        return Check("drift", OK, "not compared yet", "")
    detail = "set by %+d s at the last sign-on" % seconds
    if abs(seconds) > _DRIFT_WARN_S:
        return Check("drift", WARN, detail, "remedy.clock")
    return Check("drift", OK, detail, "")


# -- money and memory


async def money(visit: "Visit") -> None:
    """The journal's health, and everything that the host has not got yet."""
    await visit.working("service.money")
    book = visit.terminal.payments.book
    found = [await checks.journal_proof(book.journal), checks.wear(book.journal)]
    words, currency = visit.terminal.screens.catalogue, visit.terminal.config.currency
    owed_minor = sum([transaction.amount_minor for transaction in book.owed])
    for name, unit, count, minor in (
        ("pending", "payments", len(book.stored), book.stored_minor),
        ("owed", "reversals", len(book.owed), owed_minor),
    ):
        detail = "%d %s, %s" % (count, unit, words.format_amount(minor, currency))
        verdict, remedy = (WARN, "remedy.pending") if count else (OK, "")
        found.append(Check(name, verdict, detail, remedy))
    await visit.tell_all("service.money", found)


# -- about


async def about(visit: "Visit") -> None:
    """Board, chip, versions, memory."""
    await visit.figures("service.about", [hardware(visit), software(visit)])


def hardware(visit: "Visit") -> "list[tuple[str, str]]":
    """Labels and values."""
    board = visit.care.board
    free = health.free_bytes()
    total = free + gc.mem_alloc()
    largest = health.largest_block()
    more = "+" if largest >= health.SOUGHT else ""
    psram = "%d MiB" % board["psram"]["size_mib"] if "psram" in board else "none"
    # A heap of megabytes is in PSRAM: a chip's own memory is smaller than one.
    psram += ", in use" if total > _PSRAM_BYTES else ", unused"
    return [
        ("board", board["name"]),
        ("chip", board["chip"]),
        ("flash", "%d MiB" % board["flash"]["size_mib"]),
        ("free in /", "%d KiB" % (health.flash_free_bytes() // _KIB)),
        ("heap", "%d KiB" % (total // _KIB)),
        ("heap free", "%d KiB" % (free // _KIB)),
        ("largest piece", "%d%s KiB" % (largest // _KIB, more)),
        ("PSRAM", psram),
    ]


def software(visit: "Visit") -> "list[tuple[str, str]]":
    """Labels and values."""
    care = visit.care
    return [
        ("terminal", visit.terminal.config.terminal_id),
        ("MicroPython", os.uname().release),
        ("firmware", care.version),
        ("slot", running() or "none"),
        ("starts", str(care.counters.boots)),
        ("last start", care.counters.why),
    ]


# -- what went wrong


async def errors(visit: "Visit") -> None:
    """The black box, the newest line first, one a page."""
    box = visit.care.box
    box.write()
    lines = box.lines()
    lines.reverse()
    if not lines:
        await visit.show("staff_done", title="service.errors", text="service.no_errors")
        await visit.key()
        return
    await visit.figures("service.errors", [told(line) for line in lines])


def told(line: str) -> "list[tuple[str, str]]":
    """Labels and values of a line of the black box."""
    event = json.loads(line)
    rows = []
    if "utc" in event:
        rows.append(("UTC", event["utc"][:19].replace("T", " ")))
    elif "up_ms" in event:
        rows.append(("ms", str(event["up_ms"])))
    for key in ("boot", "times", "lost", "check", "task", "why", "route"):
        if key in event:
            rows.append((key, str(event[key])))
    rows.append(("what", "%s: %s" % (event.get("at"), event.get("is"))))
    message = str(event.get("message", ""))
    if "error" in event:
        message = event["error"] + ": " + message
    if message:
        rows.append(("message", message))
    return rows


# -- what it may be told to do


async def update(visit: "Visit") -> None:
    """Fetch a newer version now, if there is one, and say what came of it."""
    updater = visit.terminal.updater
    if updater is None:
        return
    visit.terminal.keypad.clear()
    try:
        winner, ready = await first(updater.now(), _progress(visit))
    except (KassaError, MemoryError) as error:
        visit.terminal.log.trouble("update", "no update", error)
        await visit.tell(Check("update", FAIL, str(error), "remedy.host"))
        return
    if winner == 1:
        return  # cancelled; what was fetched is gone on from the next time
    if ready:
        visit.restart_wanted = await visit.agreed("service.update", "service.newer_ask")
    else:
        await visit.show("staff_done", title="service.update", text="service.newest")
        await visit.key()


async def _progress(visit: "Visit") -> None:
    """Until CANCEL: how much has come.  Also tells the supervisor that the terminal lives."""
    updater = visit.terminal.updater
    while updater is not None:
        await visit.show(
            "staff_working",
            title="service.update",
            text="service.fetching",
            detail="%d KiB" % (updater.fetched_bytes // _KIB),
        )
        if await visit.key(_PROGRESS_EVERY_MS) == "CANCEL":
            return


async def restart(visit: "Visit") -> None:
    """Restart the chip; it counts as planned."""
    visit.restart_wanted = await visit.agreed("service.restart", "service.restart_ask")
