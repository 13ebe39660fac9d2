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
import os
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
_KEYS_WITHIN_MS = const(60_000)
_CARD_WITHIN_MS = const(20_000)
_CASE_WITHIN_MS = const(20_000)
_BANDS = (b"\xf8\x00", b"\x07\xe0", b"\x00\x1f")  # red, green, blue
_WHITE = b"\xff\xff"
_FETCHED = "/state/update.json"  # see kassa.app.update
_SLIP = "KASSA\nTEST SLIP\n"


def look(name: str) -> None:
    """Print the findings of one of LOOKS."""
    _tell(name, LOOKS[name])


def attend(name: str) -> None:
    """Print the findings of one of ATTENDED; takes a minute at most."""
    machine.WDT(timeout=_WATCHDOG_MS)
    _tell(name, ATTENDED[name])


def _tell(name: str, examine: "Callable[[], Any]") -> None:
    asyncio.new_event_loop()  # what the part before has left must not go on
    try:
        found = asyncio.run(examine())
    except (KassaError, OSError, ValueError, MemoryError) as error:
        why = str(error) or type(error).__name__
        found = [Check(name, FAIL, why, "remedy." + name)]
    for check in found:
        _print(check)


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


def _quiet() -> Log:
    return Log(lambda line: None)


# -- the board's parts


async def _memory() -> "list[Check]":
    return [checks.system_heap(), checks.temperature()]


async def _files() -> "list[Check]":
    return [checks.flash()]


async def _panel() -> "list[Check]":
    panel = await _started_panel()
    return [checks.panel(panel)]


async def _started_panel() -> "ILI9341 | ST7789":
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
    reader = parts.make_reader(Board(BOARD), _quiet())
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
        if not _exists("/" + name + "/" + slot_check.MANIFEST):
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
    from kassa.security import signed_file

    if not _exists(_FETCHED):
        return False
    return signed_file.digest(_FETCHED) != signed_file.digest("/" + slot + "/manifest.json")


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


def _exists(path: str) -> bool:
    try:
        os.stat(path)
    except OSError:
        return False
    return True


# -- the way to the host


async def _network() -> "list[Check]":
    """Join the Wi-Fi, then sign on through each route alone; each finding as soon as it is made,
    since routes that fail take their time."""
    import network
    from kassa.system.wifi import Wifi

    config = _config()
    wlan = network.WLAN(network.WLAN.IF_STA)
    wifi = Wifi(wlan, config.network, _quiet())
    wifi.start_radio()
    task = asyncio.create_task(wifi.run())
    for _ in range(_JOIN_WITHIN_MS // _LOOK_MS):
        if wifi.joined:
            break
        await asyncio.sleep_ms(_LOOK_MS)
    _print(checks.wifi(wlan))
    if wifi.joined:
        for route in config.host["routes"]:
            machine.WDT(timeout=_WATCHDOG_MS).feed()
            _print(await _route(config, route))
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
    online = link.online
    task.cancel()
    try:
        await task
    except asyncio.CancelledError:
        pass
    name = "route " + str(route.get("name"))
    where = "%s:%s" % (route.get("host"), route.get("port"))
    if online:
        answer_ms = link.routes.all[0].answer_ms
        return Check(name, OK, "%s answers within %d ms" % (where, answer_ms), "")
    return Check(name, FAIL, where + ": " + (_why(events) or "no connection"), "remedy.host")


def _refused(events: "list[dict[str, Any]]") -> bool:
    """Whether an attempt has ended."""
    return any(event["is"] in ("no connection", "connection given up") for event in events)


def _why(events: "list[dict[str, Any]]") -> str:
    for event in events:
        if event["is"] in ("no connection", "connection given up", "disconnected"):
            return str(event.get("message") or event.get("why"))
    return ""


# -- with a person


async def _pattern() -> "list[Check]":
    await _started_panel()
    return []


async def _keys() -> "list[Check]":
    """Every key once, in any order; each is confirmed by a tone."""
    from kassa.drivers.buzzer import KEY

    keypad = parts.make_keypad(Board(BOARD))
    buzzer = parts.make_buzzer(Board(BOARD))
    missing = [name for row in BOARD["keypad"]["layout"] for name in row]
    count = len(missing)
    task = asyncio.create_task(keypad.run())
    began = time.ticks_ms()
    while missing:
        left_ms = _KEYS_WITHIN_MS - time.ticks_diff(time.ticks_ms(), began)
        try:
            name = await asyncio.wait_for_ms(keypad.next(), max(0, left_ms))
        except asyncio.TimeoutError:
            break
        await buzzer.play(KEY)
        if name in missing:
            missing.remove(name)
    task.cancel()
    if missing:
        detail = "never felt: " + ", ".join(missing)
        return [Check("keys", FAIL, detail, "remedy.keypad")]
    return [Check("keys", OK, "all %d were felt" % count, "")]


async def _card() -> "list[Check]":
    reader = parts.make_reader(Board(BOARD), _quiet())
    await reader.start()
    card = await reader.discover(_CARD_WITHIN_MS)
    await reader.stop()
    if card is None:
        return [Check("card", FAIL, "no card was found", "remedy.reader")]
    return [Check("card", OK, "found, its number has %d bytes" % len(card.uid), "")]


async def _slip() -> "list[Check]":
    printer = parts.printer_maker(Board(BOARD))()
    await printer.style(bold=True, align="center")
    await printer.text(_SLIP)
    await printer.style()
    await printer.text(BOARD["name"] + "\n" + "".join(chr(code) for code in range(33, 65)) + "\n")
    await printer.cut()
    return []


async def _signals() -> "list[Check]":
    """The lamps one after the other, from left to right, with the two tones of a payment."""
    from kassa.drivers.buzzer import FAILURE, SUCCESS

    board = Board(BOARD)
    lamps, buzzer = parts.make_lamps(board), parts.make_buzzer(board)
    for count in range(1, 5):
        lamps.show(count)
        await asyncio.sleep_ms(_REST_MS)
    await buzzer.play(SUCCESS)
    await asyncio.sleep_ms(_REST_MS)
    await buzzer.play(FAILURE)
    lamps.off()
    return []


async def _opening() -> "list[Check]":
    switch = parts.make_case_switch(Board(BOARD))
    switch.tripped = False
    waited_ms = 0
    while waited_ms < _CASE_WITHIN_MS and not switch.tripped:
        await asyncio.sleep_ms(_LOOK_MS)
        waited_ms += _LOOK_MS
    if not switch.tripped:
        return [Check("opening", FAIL, "no opening was noticed", "remedy.case")]
    return [Check("opening", OK, "noticed", "")]


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
ATTENDED = {
    "pattern": _pattern,
    "signals": _signals,
    "keys": _keys,
    "card": _card,
    "slip": _slip,
    "opening": _opening,
}
