"""What `kassa doctor` runs on the board: a look at each part, while the terminal's program rests.

    doctor.look("reader")       what the board can tell by itself
    doctor.attend("keys")       with somebody who presses, shows a card, looks

By hand, on a board that has the firmware: mpremote exec "import doctor; doctor.look('reader')".
Each call prints one JSON object a finding, and nothing else:

    {"check": "reader", "verdict": "fail", "detail": "no answer ...", "remedy": "remedy.reader"}

A part whose driver fails is a finding, too.  The journal is not opened, and nothing is written
but what a terminal writes when it signs on to its host: the next key's number, the time.
"""

import asyncio
import json
import time
from typing import TYPE_CHECKING

import machine
from board import BOARD  # pyright: ignore[reportMissingImports] - made from the board file
from kassa.app import checks
from kassa.app.checks import FAIL, OK, WARN, Check
from kassa.drivers import parts
from kassa.system.board import Board
from kassa.system.errors import KassaError
from kassa.system.log import Log
from kassa.system.slots import SLOTS, running
from micropython import const

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from kassa.drivers.ili9341 import ILI9341
    from kassa.drivers.st7789 import ST7789
    from kassa.system.config import TerminalConfig

_REST_MS = const(300)
_JOIN_WITHIN_MS = const(20_000)
_LOOK_MS = const(100)
_WATCHDOG_MS = const(120_000)
_BANDS = (b"\xf8\x00", b"\x07\xe0", b"\x00\x1f")  # red, green, blue
_WHITE = b"\xff\xff"


def look(name: str) -> None:
    """Print the findings of one of LOOKS."""
    _tell(name, LOOKS[name], "remedy." + name)


def attend(name: str) -> None:
    """Print the findings of one of `attended`; takes a minute at most."""
    import attended  # who looks alone needs no heap for it

    machine.WDT(timeout=_WATCHDOG_MS)
    examine, remedy = attended.STEPS[name]
    _tell(name, examine, remedy)


def _tell(name: str, examine: "Callable[[], Any]", remedy: str) -> None:
    asyncio.new_event_loop()  # what the part before has left must not go on
    try:
        found = asyncio.run(examine())
    except Exception as error:  # noqa: BLE001 - whatever is wrong with a part is its finding
        found = [Check(name, FAIL, _words(error), remedy)]
    for check in found:
        _print(check)


def _words(error: Exception) -> str:
    told = type(error).__name__
    return told + ": " + str(error) if str(error) else told


def _print(check: Check) -> None:
    print(
        json.dumps(
            {
                "check": check.name,
                "verdict": check.verdict,
                "detail": check.detail,
                "remedy": check.remedy,
            }
        )
    )


def quiet() -> Log:
    return Log(lambda line: None)


# -- the board's parts


async def _memory() -> "list[Check]":
    return [checks.system_heap(), checks.temperature()]


async def _files() -> "list[Check]":
    return [checks.flash()]


async def _panel() -> "list[Check]":
    panel = await started_panel()
    return [checks.panel(panel)]


async def started_panel() -> "ILI9341 | ST7789":
    """The panel, with a pattern that shows colours in the wrong order and edges that are cut
    off."""
    from kassa.drivers.panel import make_panel

    panel = make_panel(Board(BOARD))
    await panel.start()
    width, height = panel.width, panel.height
    edge = _WHITE * width
    for y in range(height):
        colour = _BANDS[3 * y // height]
        row = edge if y in (0, height - 1) else _WHITE + colour * (width - 2) + _WHITE
        panel.write(0, y, width, 1, row)
    return panel


async def _keypad() -> "list[Check]":
    keypad = parts.make_keypad(Board(BOARD))
    task = asyncio.create_task(keypad.run())
    await asyncio.sleep_ms(_REST_MS)
    found = checks.keypad(keypad, at_rest=True)
    task.cancel()
    return [found]


async def _reader() -> "list[Check]":
    reader = parts.make_reader(Board(BOARD), quiet())
    found = await checks.reader(reader)
    if found.verdict != FAIL:
        card = await reader.discover(_REST_MS)
        await reader.stop()
        if card is not None:
            found = Check(found.name, WARN, found.detail + ", a card lies on it", "remedy.card")
    return [found]


async def _printer() -> "list[Check]":
    return [await checks.printer(parts.printer_maker(Board(BOARD))())]


async def _case() -> "list[Check]":
    return [checks.case(parts.make_case_switch(Board(BOARD)))]


# -- what was put there


async def _slots() -> "list[Check]":
    """Every version that is there, proven file by file."""
    from kassa.security import signed_file, slot_check
    from kassa.security.errors import SecurityError

    signer = signed_file.load()
    found = []
    for name in SLOTS:
        if not checks.has_version(name):
            continue
        try:
            manifest = slot_check.check("/" + name, signer, BOARD["name"], BOARD["chip"])
        except (SecurityError, OSError) as error:
            if name != running() and _is_being_filled(name):
                detail = "a newer version is being fetched into it"
                found.append(Check(name, WARN, detail, "remedy.fetching"))
            else:
                found.append(Check(name, FAIL, str(error), "remedy.slot"))
            continue
        told = manifest["version"] + (", runs" if name == running() else "")
        found.append(Check(name, OK, told, ""))
    return found or [Check("slot", FAIL, "no version is there", "remedy.slot")]


def _is_being_filled(slot: str) -> bool:
    """Whether a manifest was fetched that is not the slot's yet: it comes there last."""
    from kassa.app.update import FETCHED
    from kassa.security import signed_file, slot_check

    if not checks.exists(FETCHED):
        return False
    ours = "/" + slot + "/" + slot_check.MANIFEST
    return signed_file.digest(FETCHED) != signed_file.digest(ours)


async def _configuration() -> "list[Check]":
    from kassa.security import signed_file
    from kassa.security.errors import SecurityError

    config = _config()
    found = [Check("configuration", OK, config.terminal_id + ", " + config.merchant.name, "")]
    try:
        path = signed_file.find("/config/emv.json", "/config/emv.sig")
        found.append(Check("emv", OK, path + " is signed", ""))
    except SecurityError as error:
        found.append(Check("emv", FAIL, str(error), "remedy.configuration"))
    return found


def _config() -> "TerminalConfig":
    from kassa.system import config

    return config.load()


# -- the way to the host


async def _network() -> "list[Check]":
    """Join the Wi-Fi, then sign on through each route alone; each finding as soon as it is made,
    since routes that fail take their time."""
    import network
    from kassa.system.wifi import Wifi

    config = _config()
    wlan = network.WLAN(network.WLAN.IF_STA)
    wifi = Wifi(wlan, config.network, quiet())
    wifi.start_radio()
    task = asyncio.create_task(wifi.run())
    try:
        for _ in range(_JOIN_WITHIN_MS // _LOOK_MS):
            if wifi.joined:
                break
            await asyncio.sleep_ms(_LOOK_MS)
        _print(checks.wifi(wlan))
        if wifi.joined:
            for route in config.host["routes"]:
                machine.WDT(timeout=_WATCHDOG_MS).feed()
                _print(await _route(config, route))
    finally:
        task.cancel()
    return []


async def _route(config: "TerminalConfig", route: "dict[str, Any]") -> Check:
    """Sign on as the terminal does, with no other route to turn to."""
    from kassa.host.link import HostLink
    from kassa.security.key_store import KeyStore
    from kassa.system.clock import Clock
    from kassa.system.state_file import StateFile

    events = []  # type: list[dict[str, Any]]
    log = Log(lambda line: events.append(json.loads(line)))
    config.host = dict(config.host)
    config.host["routes"] = [route]
    clock = Clock(machine.RTC(), StateFile("/state/clock"), config.utc_offset_minutes)
    link = HostLink(config, KeyStore(), clock, log)
    began = time.ticks_ms()
    task = asyncio.create_task(link.run())
    while not link.online and not task.done():
        if time.ticks_diff(time.ticks_ms(), began) > link.beats_within_ms or _refused(events):
            break
        await asyncio.sleep_ms(_LOOK_MS)
    online, why = link.online, _why(events)
    task.cancel()
    try:
        await task
    except asyncio.CancelledError:
        pass
    except (KassaError, OSError) as error:
        why = _words(error)  # it could not even try
    name = "route " + str(route.get("name"))
    where = "%s:%s" % (route.get("host"), route.get("port"))
    if online:
        answer_ms = link.routes.all[0].answer_ms
        return Check(name, OK, "%s answers within %d ms" % (where, answer_ms), "")
    # A certificate that does not verify is a ValueError on MicroPython.
    tls = "ValueError" in why or "MBEDTLS" in why or "cert" in why
    detail = where + ": " + (why or "no connection")
    return Check(name, FAIL, detail, "remedy.tls" if tls else "remedy.host")


def _refused(events: "list[dict[str, Any]]") -> bool:
    """Whether an attempt has ended."""
    return any(event["is"] in ("no connection", "connection given up") for event in events)


def _why(events: "list[dict[str, Any]]") -> str:
    """What was said of the connection, the first word of it last: one leads to the other."""
    told = []
    for event in events:
        if event["is"] in ("no connection", "connection given up", "disconnected"):
            why = " ".join([str(event[key]) for key in ("why", "message") if event.get(key)])
            if why not in told:
                told.append(why)
    return "; ".join(told)


LOOKS = {
    "memory": _memory,
    "files": _files,
    "slot": _slots,
    "configuration": _configuration,
    "panel": _panel,
    "keypad": _keypad,
    "reader": _reader,
    "printer": _printer,
    "case": _case,
    "network": _network,
}
