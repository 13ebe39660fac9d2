"""A stage for the screens: the reference board's chips and drivers, our assets, and nobody's sale.

stage = Stage(language="zh")
stage.run(stage.screens.show("approved", amount_minor=1250, currency="EUR"))
stage.image(), stage.words, stage.lamps, stage.tones()
"""

from __future__ import annotations

import builtins
import hashlib
import json
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

from PIL import Image

from host_tools.board import load as load_board
from simulator.clock import NS_PER_MS, VirtualClock
from simulator.standins.world import World
from simulator.wiring import Wiring
from tests.conftest import REFERENCE_BOARD, TICKS_START_MS

ROOT = Path(__file__).parents[2]
FIRMWARE = ROOT / "firmware"
PICTURES = ROOT / "build" / "screens"
STRIP_LINES = 24


class _World(World):
    """A world whose /assets are the ones in the source tree; /assets/x is the folder `assets`."""

    assets = FIRMWARE

    def open(self, name: str, mode: str = "r", **unknown: Any) -> Any:
        assert name.startswith("/assets/"), name
        folder = self.assets if name.startswith("/assets/x/") else FIRMWARE
        return builtins.open(folder / name.removeprefix("/assets/x/").lstrip("/"), mode)


class Stage:
    """The user interface on real drivers and chip models, in virtual time."""

    def __init__(self, language: str = "en", *, start: bool = True) -> None:
        self.wiring = Wiring(load_board(REFERENCE_BOARD), VirtualClock())
        self.world = _World(self.wiring.mcu, ticks_start_ms=TICKS_START_MS, console=self._console)
        self.events: list[dict[str, Any]] = []
        self.lines: list[Any] = []  # other JSON that was printed
        load = self.world.load
        board = load("kassa.system.board")
        wired = board.Board(self.wiring.board)
        table = wired.table("panel")
        self.panel = load("kassa.drivers.st7789").ST7789(
            wired.spi(table["spi"]),
            board.output(table["cs"], 1),
            board.output(table["dc"]),
            None,
            board.pwm(table["backlight"]),
        )
        pin = load("machine").Pin
        table = wired.table("keypad")
        self.keypad = load("kassa.drivers.keypad").Keypad(
            [pin(gpio, pin.OPEN_DRAIN, value=1) for gpio in table["rows"]],
            [pin(gpio, pin.IN, pin.PULL_UP) for gpio in table["columns"]],
            table["layout"],
        )
        log = load("kassa.system.log").Log(self._console)
        self.display = load("kassa.ui.display").Display(
            self.panel, bytearray(self.panel.width * STRIP_LINES * 2), log
        )
        self.catalogue = load("kassa.ui.language").Catalogue("/assets/words", language)
        self.screens = load("kassa.ui.screens").Screens(
            self.display,
            self.keypad,
            load("kassa.drivers.buzzer").Buzzer(board.pwm(wired.table("buzzer")["pin"])),
            load("kassa.drivers.lamps").Lamps(
                [board.output(gpio) for gpio in wired.table("lamps")["pins"]]
            ),
            self.catalogue,
            log,
        )
        table = wired.table("printer")
        self.printer = load("kassa.drivers.printer").Printer(
            wired.uart(table["uart"]), wired.baudrate("uart", table["uart"]), table["width_dots"]
        )
        self.paper = load("kassa.ui.paper").Paper(self.printer, self.display.fonts, log)
        if start:
            self.run(self.panel.start())
            self.world.load("asyncio").create_task(self.keypad.run())

    def _console(self, line: str) -> None:
        said = json.loads(line)  # a traceback is no JSON, and fails the test
        if isinstance(said, dict):
            self.events.append(said)
        else:
            self.lines.append(said)

    def run(self, coro: Coroutine[Any, Any, Any], timeout_s: float = 20) -> Any:
        return self.world.run(coro, timeout_s)

    def begin(self, coro: Coroutine[Any, Any, Any]) -> Any:
        """Start something that waits for keys; its task."""
        task = self.world.load("asyncio").create_task(coro)
        self.wait(20)
        return task

    def press(self, *keys: str) -> None:
        """Press and release keys, and let the terminal do what it does."""
        for key in keys:
            self.wiring.keypad.press(key)
            self.wait(60)
            self.wiring.keypad.release(key)
            self.wait(90)

    def wait(self, ms: int) -> None:
        self.world.run_until(lambda: False, self.world.clock.now_ns + ms * NS_PER_MS)

    @property
    def words(self) -> list[str]:
        """The words of the screen that was shown last."""
        return self.shown[-1]["words"]

    @property
    def shown(self) -> list[dict[str, Any]]:
        """The log's events about screens."""
        return [event for event in self.events if event["is"] == "screen"]

    @property
    def names(self) -> list[str]:
        return [event["name"] for event in self.shown]

    def image(self) -> Image.Image:
        return self.wiring.panel.image()

    def tones(self) -> list[int]:
        """Frequencies heard so far, in order."""
        return [tone[2] for tone in self.wiring.buzzer.tones]

    @property
    def lamps(self) -> int:
        """How many lamps are lit."""
        return sum(self.wiring.lamps.states())


MERCHANT = "Kassa Coffee"
NOON = (2026, 11, 22, 12, 5, 0)
SALE = {"amount_minor": 1250, "currency": "EUR"}

# Every screen as people meet it: picture name -> (screen, facts).
SCREENS: dict[str, tuple[str, dict[str, Any]]] = {
    "starting": ("starting", {}),
    "welcome": (
        "welcome",
        {"merchant": MERCHANT, "time": NOON, "online": True, "pending_count": 0},
    ),
    "welcome_offline": (
        "welcome",
        {
            "merchant": "Buchhandlung am Alten Markt",
            "time": None,
            "online": False,
            "pending_count": 3,
            "pending_minor": 7425,
            "currency": "EUR",
        },
    ),
    "welcome_one_pending": (
        "welcome",
        {"merchant": MERCHANT, "time": NOON, "online": True, "pending_count": 1},
    ),
    "welcome_alarm": (
        "welcome",
        {
            "merchant": MERCHANT,
            "time": NOON,
            "online": False,
            "pending_count": 3,
            "pending_minor": 7425,
            "currency": "EUR",
            "alarm": "welcome.too_old",
        },
    ),
    "welcome_tampered": (
        "welcome",
        {
            "merchant": MERCHANT,
            "time": NOON,
            "online": True,
            "pending_count": 0,
            "alarm": "welcome.journal_tampered",
        },
    ),
    "amount_empty": ("amount", {"amount_minor": 0, "currency": "EUR"}),
    "amount": ("amount", SALE),
    "amount_largest": ("amount", {"amount_minor": 99999999, "currency": "EUR"}),
    "amount_largest_code": ("amount", {"amount_minor": 99999999, "currency": "CHF"}),
    "amount_yen": ("amount", {"amount_minor": 1250, "currency": "JPY"}),
    "present_card": ("present_card", SALE),
    "present_card_yuan": ("present_card", {"amount_minor": 8800, "currency": "CNY"}),
    "present_card_six": (
        "present_card",
        {
            **SALE,
            "schemes": ["visa", "mastercard", "maestro", "amex", "jcb", "discover", "unionpay"],
        },
    ),
    "present_card_refund": ("present_card", {**SALE, "refund": True}),
    "approved_refund": ("approved", {**SALE, "refund": True}),
    "refund": (
        "menu",
        {
            "title": "menu.refund",
            "choices": ["menu.refund_sale", "menu.refund_card"],
            "number": 0,
            "pages": 1,
        },
    ),
    "processing": ("processing", SALE),
    "card_read_ok": ("card_read_ok", SALE),
    "authorising": ("authorising", SALE),
    "approved": ("approved", SALE),
    "approved_code": ("approved", {**SALE, "approval_code": "A1B2C3"}),
    "approved_by_card": ("approved", {**SALE, "by_card": True}),
    "approved_deferred": ("approved", {**SALE, "deferred": "no_connection"}),
    "declined": ("declined", {**SALE, "reason": "insufficient_funds"}),
    "declined_no_answer": ("declined", {**SALE, "reason": "no_answer"}),
    "try_again": ("try_again", SALE),
    "remove_card": ("remove_card", SALE),
    "one_card_only": ("one_card_only", SALE),
    "see_phone": ("see_phone", SALE),
    "insert_or_swipe": ("insert_or_swipe", SALE),
    "try_another_card": ("try_another_card", SALE),
    "cancelled": ("cancelled", SALE),
    "printing": ("printing", {**SALE, "copy": "customer"}),
    "paper_out": ("paper_out", {}),
    "no_network": ("no_network", {}),
    "number": ("number", {"title": "number.stan", "digits": "42"}),
    "staff_done": ("staff_done", {"title": "void.title", "text": "void.done"}),
    "staff_working": ("staff_working", {"title": "menu.void", "text": "authorising.text"}),
    "staff_problem": ("staff_problem", {"title": "problem.title", "text": "problem.not_found"}),
    "quiet_hour": ("quiet_hour", {"title": "quiet_hour.title", "text": "quiet_hour.text"}),
    "self_test": ("self_test", {"title": "self_test.title", "text": "self_test.text"}),
    "totals": (
        "totals",
        {"title": "menu.totals", "rows": [("Visa", "3   €37.50"), ("Net", "€37.50")]},
    ),
    "out_of_order": ("out_of_order", {"fault": "/config/terminal.json is missing"}),
    "menu": (
        "menu",
        {"title": "menu.title", "choices": ["Refund", "Void"], "number": 0, "pages": 1},
    ),
    "service_code": ("service_code", {"title": "service.code", "typed": 5, "text": ""}),
    "service_code_wrong": (
        "service_code",
        {"title": "service.code", "typed": 0, "text": "service.wrong"},
    ),
    "service_wait": ("service_wait", {"title": "service.wrong", "left_s": 3599}),
    "service_menu": (
        "menu",
        {
            "title": "service.title",
            "choices": [
                "service.checks",
                "service.reader",
                "service.printer",
                "service.panel",
                "service.keypad",
                "service.sound",
            ],
            "number": 0,
            "pages": 3,
        },
    ),
    "service_verdicts": (
        "service_verdicts",
        {
            "title": "service.checks",
            "rows": [
                ("fail", "printer", "out of paper"),
                ("warn", "certificates", "2026-12-24"),
                ("ok", "system heap", "120 KiB free"),
                ("ok", "temperature", "41 degrees"),
                ("ok", "reader", "firmware 1.6"),
            ],
            "number": 0,
            "pages": 3,
        },
    ),
    "service_verdict": (
        "service_verdict",
        {
            "title": "service.reader",
            "verdict": "fail",
            "part": "reader",
            "detail": "no card reader answers; check its wiring and its interface switches",
            "remedy": "remedy.reader",
        },
    ),
    "service_verdict_warn": (
        "service_verdict",
        {
            "title": "part.journal",
            "verdict": "warn",
            "part": "journal",
            "detail": "1234 records, 2048 slots free, 1 damaged, blocks erased 99999 times",
            "remedy": "remedy.journal",
        },
    ),
    "service_verdict_ok": (
        "service_verdict",
        {
            "title": "part.wifi",
            "verdict": "ok",
            "part": "wifi",
            "detail": "signal -52 dBm",
            "remedy": "",
        },
    ),
    "service_figures": (
        "service_figures",
        {
            "title": "service.about",
            "rows": [
                ("board", "esp32s3_devkitc"),
                ("MicroPython", "1.28.0"),
                ("firmware", "0.1.0+1795389410.d989acf6a1b2"),
                ("heap", "8123 KiB, 7900 free"),
            ],
            "number": 0,
            "pages": 1,
        },
    ),
    "service_error": (
        "service_figures",
        {
            "title": "service.errors",
            "rows": [
                ("time", "2026-11-27 03:31:05"),
                ("start", "12"),
                ("times", "40"),
                ("what", "host: connection given up"),
                ("error", "HostError: the host refuses us with code 58, and says so again"),
            ],
            "number": 11,
            "pages": 99,
        },
    ),
    "service_ask": ("service_ask", {"title": "service.sound", "text": "service.sound_ask"}),
    "service_pattern": ("service_pattern", {"title": "service.panel"}),
    "service_keys": (
        "service_keys",
        {
            "title": "service.keypad",
            "layout": [
                ["1", "2", "3", "CANCEL"],
                ["4", "5", "6", "CLEAR"],
                ["7", "8", "9", "MENU"],
                ["LANG", "0", "00", "ENTER"],
            ],
            "pressed": ["1", "2", "CANCEL", "MENU", "LANG"],
            "stuck": ["7"],
        },
    ),
    "service_hold_card": (
        "staff_working",
        {"title": "service.reader", "text": "service.hold_card"},
    ),
    "service_listen": ("staff_working", {"title": "service.sound", "text": "service.listen"}),
}


def picture(name: str, language: str) -> tuple[Image.Image, Stage]:
    """The screen `name` of SCREENS in a language, on a fresh terminal."""
    stage = Stage(language)
    screen, facts = SCREENS[name]
    stage.run(stage.screens.show(screen, **{"merchant": MERCHANT, **facts}))
    stage.world.close()
    return stage.image(), stage


def contact_sheet(language: str, columns: int = 8) -> Image.Image:
    """All screens of a language on one sheet."""
    width, height, gap = 240, 320, 10
    rows = -(-len(SCREENS) // columns)
    sheet = Image.new(
        "RGB", (columns * (width + gap) + gap, rows * (height + gap) + gap), (40, 44, 52)
    )
    for number, name in enumerate(SCREENS):
        x, y = number % columns, number // columns
        sheet.paste(
            picture(name, language)[0], (gap + x * (width + gap), gap + y * (height + gap))
        )
    return sheet


HASHES = Path(__file__).with_name("hashes.json")


def pixel_hash(image: Image.Image) -> str:
    """Of what a person sees, to the last pixel."""
    return hashlib.sha256(image.convert("RGB").tobytes()).hexdigest()[:16]


def renew() -> None:
    """Take the screens as they are now for right, and lay contact sheets beside the pictures."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    hashes = json.loads(HASHES.read_text(encoding="utf-8"))
    screens = {
        language: {name: pixel_hash(picture(name, language)[0]) for name in SCREENS}
        for language in ("en", "zh")
    }
    hashes.update(screens)
    HASHES.write_text(json.dumps(hashes, indent=1) + "\n", encoding="utf-8")
    for language in screens:
        contact_sheet(language).save(PICTURES / f"all_{language}.png")


if __name__ == "__main__":
    renew()
