"""The parts of the terminal, tried out: all that can be without a person, then each with one who
presses, holds, looks and listens.

Each function is an item of the service menu, takes the visit, and ends on a verdict.
"""

import asyncio
from typing import TYPE_CHECKING

from micropython import const

from kassa.app import checks
from kassa.app.checks import FAIL, OK, WARN, Check
from kassa.app.visit import Untouched
from kassa.drivers.buzzer import FAILURE, SUCCESS, WARNING
from kassa.drivers.errors import DriverError
from kassa.drivers.printer_line import PrinterError
from kassa.system.card import CardError, TwoCards
from kassa.system.tasks import first

if TYPE_CHECKING:
    from kassa.app.visit import Visit
    from kassa.drivers.pn532_card import ContactlessCard
    from kassa.ui.language import Catalogue

_HOLD_WITHIN_MS = const(20_000)
_DISCOVER_MS = const(1_000)
_REMOVE_WITHIN_MS = const(10_000)
_KEY_WITHIN_MS = const(15_000)
_TONE_PAUSE_MS = const(600)
_LAMP_MS = const(600)
_LAMPS = const(4)
_CASE_LOOK_MS = const(300)
# What is on the slip, whatever the language: nothing that could be taken for a receipt.
_LETTERS = ("ABCDEFGHIJKLMNOPQRSTUVWXYZ", "abcdefghijklmnopqrstuvwxyz", ".,:-+*/%")
_DIGITS = "0123456789"
_HAN = "打印机 显示屏"


async def everything(visit: "Visit") -> None:
    """What the terminal looks at every night, and what it only tells when somebody is there."""
    await visit.working("service.checks")
    found = await visit.care.self_test()
    # The driver, of which the display wants less than this check.
    panel = visit.terminal.screens.display.panel
    found += [
        checks.panel(panel),  # pyright: ignore[reportArgumentType]
        checks.case(visit.case),
        checks.wifi(visit.wlan),
    ]
    await visit.tell_all("service.checks", found)


async def reader(visit: "Visit") -> None:
    """The PN532's firmware, and whether it finds a card that is held to it."""
    await visit.working("service.reader")
    found = await checks.reader(visit.terminal.reader)
    if found.verdict != FAIL:
        found = await _card(visit, found)
    await visit.tell(found)


async def _card(visit: "Visit", chip: Check) -> Check:
    """Ask for a card.  What is told of it is its technology, never its number."""
    reader = visit.terminal.reader
    visit.terminal.keypad.clear()
    detail = "no card was found"
    await visit.working("service.reader", "service.hold_card")
    try:
        for _ in range(_HOLD_WITHIN_MS // _DISCOVER_MS):
            winner, card = await first(reader.discover(_DISCOVER_MS), visit.key())
            if winner == 1:
                if card != "CANCEL":
                    continue
                detail = "cancelled before a card was found"
                break
            if card is not None:
                told = chip.detail + "; " + _described(card)
                await visit.show("remove_card")
                await reader.removed(_REMOVE_WITHIN_MS)
                return Check("reader", chip.verdict, told, chip.remedy)
    except TwoCards:
        detail = "more than one card was held to it"
    except (CardError, DriverError) as error:
        return Check("reader", FAIL, str(error), "remedy.reader")
    return Check("reader", WARN, chip.detail + "; " + detail, "remedy.reader")


def _described(card: "ContactlessCard") -> str:
    # Only type B has neither ATQA nor SAK.
    kind = "A" if card.atqa or card.sak else "B"
    speaks = "ISO/IEC 14443-4" if card.iso_dep else "no ISO/IEC 14443-4"
    return "a type %s card, UID of %d bytes, %s" % (kind, len(card.uid), speaks)


async def printer(visit: "Visit") -> None:
    """The printer's status, then a slip with all styles, as text and as a picture."""
    await visit.working("service.printer", "printing.title")
    paper = visit.terminal.paper
    found = await checks.printer(paper.printer)
    if found.verdict != FAIL:
        text, picture = slip(visit.terminal.screens.catalogue)
        try:
            await paper.print(text)
            await paper.print(picture)
        except PrinterError as error:  # no paper is one of them
            found = Check("printer", FAIL, str(error), "remedy.printer")
        else:
            found = await _looked_at(visit, found, "service.printer", "service.slip_ask")
    await visit.tell(found)


def slip(words: "Catalogue") -> "tuple[list[tuple], list[tuple]]":
    """Rows of the test slip: what is printed as text, and what has to be drawn."""
    name = words.t("product.name")
    text = [("title", name), ("center", "-" * 8), ("rule",)]  # type: list[tuple]
    for line in _LETTERS:
        text.append(("center", line))
    text += [("pair", name, _DIGITS), ("rule",), ("big", _DIGITS), ("space", 1)]
    picture = [("title", _HAN), ("center", _HAN), ("pair", _HAN, _DIGITS)]  # type: list[tuple]
    picture += [("big", _DIGITS), ("rule",), ("cut",)]
    return text, picture


async def display(visit: "Visit") -> None:
    """Every edge and colour of the panel."""
    ok = Check("panel", OK, "as it should be", "")
    found = await _looked_at(visit, ok, "service.panel", "", "service_pattern")
    await visit.tell(found)


async def _looked_at(
    visit: "Visit", found: Check, title: str, text: str, screen: str = "service_ask"
) -> Check:
    """`found`, if the person who looks and listens says that all is well."""
    if await visit.agreed(title, text, screen):
        return found
    remedy = "remedy." + found.name
    return Check(found.name, FAIL, "the technician says that it is not as it should be", remedy)


async def keypad(visit: "Visit") -> None:
    """Every key once, in any order; over when all were pressed, or none for a while."""
    keypad = visit.terminal.keypad
    layout = visit.care.board["keypad"]["layout"]
    missing = [name for row in layout for name in row]
    pressed = []  # type: list[str]
    keypad.clear()
    while missing:
        await visit.show(
            "service_keys",
            title="service.keypad",
            layout=layout,
            pressed=list(pressed),
            stuck=keypad.stuck(),
        )
        try:
            # Not the visit's: here LANG and CANCEL are keys like any other.
            key = await asyncio.wait_for_ms(visit.terminal.screens.key(), _KEY_WITHIN_MS)
        except asyncio.TimeoutError:
            break
        if key in missing:
            missing.remove(key)
            pressed.append(key)
    found = checks.keypad(keypad)
    not_heard = [name for name in missing if name not in keypad.stuck()]
    if not_heard:
        told = "not heard: " + ", ".join(not_heard)
        if found.verdict != OK:
            told += "; " + found.detail
        found = Check("keypad", FAIL, told, "remedy.keypad")
    elif found.verdict == OK:
        found = Check("keypad", OK, "all %d keys work" % len(pressed), "")
    await visit.tell(found)


async def sound(visit: "Visit") -> None:
    """Each tone, then the lamps, one more each time."""
    screens = visit.terminal.screens
    await visit.working("service.sound", "service.listen")
    for tune in (SUCCESS, FAILURE, WARNING):
        await screens.buzzer.play(tune)
        await asyncio.sleep_ms(_TONE_PAUSE_MS)
    for lit in range(1, _LAMPS + 1):
        screens.lamps.show(lit)
        await asyncio.sleep_ms(_LAMP_MS)
    screens.lamps.off()
    ok = Check("sound", OK, "every tone was heard, every lamp seen", "")
    await visit.tell(await _looked_at(visit, ok, "service.sound", "service.sound_ask"))


async def case(visit: "Visit") -> None:
    """The switch as it is at this moment, until a key is pressed; an opened case restarts the
    terminal."""
    shown = None
    untouched_ms = 0
    while untouched_ms < visit.untouched_ms:
        found = checks.case(visit.case)
        if found != shown:
            shown = found
            visit.note(found)
            await visit.show_verdict(found)
        if await visit.key(_CASE_LOOK_MS):
            return
        untouched_ms += _CASE_LOOK_MS
    raise Untouched
