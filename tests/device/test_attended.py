"""Each part with somebody who looks, presses, listens; at a virtual board that is simulated."""

from __future__ import annotations

import ast
import time

from simulator import cards
from simulator.board_thread import BoardThread
from tests.device.bench import Bench, Person
from tests.device.test_parts import program

SELECT_PPSE = "00A404000E325041592E5359532E444446303100"
_HELD = "for _ in range(240):\n        feed()\n        await asyncio.sleep_ms(250)"


def test_every_key_is_the_one_that_was_pressed(device: Bench, person: Person) -> None:
    names = [name for row in device.board["keypad"]["layout"] for name in row]
    code = program(
        "keypad = on_device.keypad()",
        "task = asyncio.create_task(keypad.run())",
        "await asyncio.sleep_ms(50)",
        "print('ready')",
        f"for _ in range({len(names)}):",
        "    feed()",
        "    print(repr(await asyncio.wait_for(keypad.next(), 30)))",
        "await asyncio.sleep_ms(500)",  # the last one comes up again
    )
    with device.running(code) as running:
        running.until("ready")
        for name in names:
            person.does(f"press {name}", lambda board, name=name: press(board, name))
            assert ast.literal_eval(running.line()) == name
        running.end()


def press(board: BoardThread, name: str) -> None:
    board.do(board.hands.press, name)


def test_a_card_is_found_and_answers(device: Bench, person: Person) -> None:
    code = program(
        "reader = on_device.reader()",
        "await reader.start()",
        "print('ready')",
        "card = await reader.discover(20_000)",
        f"answer = await card.transceive(bytes.fromhex({SELECT_PPSE!r}))",
        "await reader.stop()",
        "print((card.uid, answer[-2:]))",
    )
    with device.running(code) as running:
        running.until("ready")
        person.does("hold a payment card to the reader", hold_a_card)
        uid, status = ast.literal_eval(running.end()[-1])
    assert len(uid) in (4, 7, 10)
    assert status == b"\x90\x00"
    person.does("take the card away", take_cards_away)


def hold_a_card(board: BoardThread) -> None:
    board.do(board.board.wiring.pn532.present, cards.load("visa_credit"))


def take_cards_away(board: BoardThread) -> None:
    reader = board.board.wiring.pn532
    for card in list(reader.cards):
        board.do(reader.remove, card)


def test_the_panel_shows_its_colours_in_order(device: Bench, person: Person) -> None:
    code = program(
        "panel = on_device.panel()",
        "await panel.start()",
        "height = panel.height // 3",
        "for band, colour in enumerate((b'\\xf8\\x00', b'\\x07\\xe0', b'\\x00\\x1f')):",
        "    for y in range(band * height, (band + 1) * height):",
        "        panel.write(0, y, panel.width, 1, colour * panel.width)",
        "print('ready')",
        _HELD,
    )
    with device.running(code) as running:
        running.until("ready")
        assert person.sees("three bands: red on top, green, blue?", shows_bands)


def shows_bands(board: BoardThread) -> bool:
    picture = board.board.wiring.panel.image()
    width, height = picture.size
    seen = [picture.getpixel((width // 2, height * part // 6)) for part in (1, 3, 5)]
    return [max(range(3), key=pixel[:3].__getitem__) for pixel in seen] == [0, 1, 2]


def test_a_slip_is_printed_and_cut(device: Bench, person: Person) -> None:
    code = program(
        "printer = on_device.printer()",
        "await printer.style(bold=True, align='center')",
        "await printer.text('KASSA TEST SLIP\\n')",
        "await printer.cut()",
        "print('done')",
    )
    with device.running(code) as running:
        running.end()
    assert person.sees(
        "one slip, KASSA TEST SLIP in bold in the middle, cut or fed out to tear?",
        lambda board: board.board.wiring.printer.receipts[-1].strip() == "KASSA TEST SLIP",
    )


def test_lamps_light_from_left_to_right_and_the_buzzer_sounds(
    device: Bench, person: Person
) -> None:
    code = program(
        "lamps, buzzer = on_device.lamps(), on_device.buzzer()",
        "lamps.show(2)",
        "buzzer.start(((1500, 60_000),))",
        "await asyncio.sleep_ms(20)",
        "print('ready')",
        _HELD,
    )
    with device.running(code) as running:
        running.until("ready")
        assert person.sees("are the two lamps on the left lit, and no other?", two_lamps)
        assert person.sees(
            "do you hear a high tone?", lambda board: board.board.wiring.buzzer.sounding_hz == 1500
        )


def two_lamps(board: BoardThread) -> bool:
    return board.board.wiring.lamps.states() == (True, True, False, False)


def test_an_opening_of_the_case_is_noticed_however_short(device: Bench, person: Person) -> None:
    code = program(
        "switch = on_device.tamper()",
        "print('ready')",
        "await asyncio.wait_for(switch.opened(), 30)",
        "print('opened')",
    )
    with device.running(code) as running:
        running.until("ready")
        person.does("open the case, or press and let go its switch", open_for_a_moment)
        assert running.end() == ["opened"]


def open_for_a_moment(board: BoardThread) -> None:
    switch = board.board.wiring.tamper
    board.do(switch.open)
    time.sleep(0.05)
    board.do(switch.close)
