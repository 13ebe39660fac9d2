"""The printer's driver against the ESC/POS model: what is on paper, at what pace, and what goes
wrong.
"""

from __future__ import annotations

from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from simulator.clock import NS_PER_MS, NS_PER_S
from simulator.standins.world import World

PICTURES = Path(__file__).parents[2] / "build" / "pictures"


class Bench:
    """The driver in its world, made as main.py makes it; `chip` is the printer at the far end."""

    def __init__(self, world: World, ring: int = 256) -> None:
        self.world = world
        self.chip = world.wiring.printer
        self.asyncio = world.load("asyncio")
        self.module = world.load("kassa.drivers.printer")
        board = world.mcu.board
        pins = board["uart"][board["printer"]["uart"]]
        machine = world.load("machine")
        self.uart = machine.UART(
            pins["id"], baudrate=pins["baudrate"], tx=machine.Pin(pins["tx"]),
            rx=machine.Pin(pins["rx"]), txbuf=ring, rxbuf=ring,
        )  # fmt: skip
        self.driver: Any = self.module.Printer(self.uart, pins["baudrate"])

    def run(self, coro: Coroutine[Any, Any, Any], timeout_s: float = 60) -> Any:
        return self.world.run(coro, timeout_s)

    def wait(self, ms: float) -> None:
        self.world.run_until(lambda: False, self.world.clock.now_ns + int(ms * NS_PER_MS))

    def start(self, coro: Coroutine[Any, Any, Any]) -> Any:
        return self.asyncio.create_task(coro)

    def dots(self) -> np.ndarray:
        """The paper as bool, without its margins and the 12 mm between head and blade."""
        picture = np.asarray(self.chip.image().convert("L"))[96:]
        margin = (picture.shape[1] - 384) // 2
        return picture[:, margin : margin + 384] < 128


@pytest.fixture
def bench(world: World) -> Bench:
    return Bench(world)


async def print_receipt(printer: Any) -> None:
    await printer.style(bold=True, double_width=True, double_height=True, align="center")
    await printer.text("Kassa Coffee\n")
    await printer.style(align="center")
    await printer.text("1 Example Street\n10115 Berlin\n\n")
    await printer.style()
    await printer.text("Flat white       2 x 3,80   7,60\nKäsekuchen                  4,90\n")
    await printer.text("-" * 32 + "\n")
    await printer.style(bold=True, double_height=True)
    await printer.text("TOTAL             EUR      12.50\n")
    await printer.style()
    await printer.text("416666******0010     VISA CREDIT\nAID  A0000000031010\n")
    await printer.style(align="center")
    await printer.text("APPROVED\n\nMerci – Grüße – Děkujeme\n")
    rows = np.zeros((64, 64), bool)
    rows[np.add.outer(np.arange(64) // 8, np.arange(64) // 8) % 2 == 0] = True
    await printer.raster(64, 64, np.packbits(rows).tobytes())
    await printer.cut()


def test_a_receipt_is_on_paper_and_cut_when_cut_returns(bench):
    bench.run(print_receipt(bench.driver))
    assert not bench.chip.busy and bench.chip.unknown == [] and bench.chip.overruns == 0
    (receipt,) = bench.chip.receipts
    assert "Kassa Coffee\n1 Example Street\n10115 Berlin\n" in receipt
    assert "Käsekuchen                  4,90" in receipt
    assert receipt.endswith("Merci – Grüße – Děkujeme")
    PICTURES.mkdir(parents=True, exist_ok=True)
    bench.chip.image(0).save(PICTURES / "receipt.png")


def test_the_first_line_is_out_within_150_ms(bench):
    start_ns = bench.world.clock.now_ns
    bench.run(bench.driver.text("first\n"))
    bench.wait(500)
    assert bench.chip.first_line_ns - start_ns < 150 * NS_PER_MS


@pytest.mark.parametrize("ring", [256, 1024])
def test_printing_5_kb_keeps_nobody_waiting_and_overruns_nothing(world, ring):
    bench = Bench(world, ring)
    text = "".join(f"{n:04} the quick brown fox jumps o\n" for n in range(160))
    assert len(text) > 5_000
    gaps = []

    async def other() -> None:
        before = world.clock.now_ns
        while True:
            await bench.asyncio.sleep_ms(1)
            gaps.append(world.clock.now_ns - before)
            before = world.clock.now_ns

    bench.start(other())
    start_ns = world.clock.now_ns
    bench.run(bench.driver.text(text))
    bench.run(bench.driver.cut())
    assert bench.chip.text == text.rstrip("\n")
    assert max(gaps) < 5 * NS_PER_MS and len(gaps) > 5_000
    assert bench.chip.overruns == 0
    took_s = (world.clock.now_ns - start_ns) / NS_PER_S
    assert took_s < 1.05 * (160 * 30 + 96) / 480 + 0.5, "the mechanism never waits for us"


def test_a_large_picture_comes_out_dot_for_dot_at_the_speed_of_the_line(bench):
    picture = np.random.default_rng(3).integers(0, 2, (300, 384)).astype(bool)
    packed = np.packbits(picture).tobytes()
    strip = bytearray(20 * 48)

    def strips() -> Any:
        """One buffer, filled again and again, as the paper engine does."""
        for start in range(0, len(packed), len(strip)):
            strip[:] = packed[start : start + len(strip)]
            yield memoryview(strip)

    start_ns = bench.world.clock.now_ns
    bench.run(bench.driver.raster(384, 300, strips()))
    took_s = (bench.world.clock.now_ns - start_ns) / NS_PER_S
    bench.run(bench.driver.cut())
    assert (bench.dots()[:300] == picture).all()
    assert bench.chip.unknown == []
    assert took_s < 1.15 * len(packed) * 10 / 115_200


def test_picture_data_that_looks_like_a_status_request_does_no_harm(bench):
    row = b"\x10\x04\x01\x10\x04\x04" + bytes(42)
    bench.run(bench.driver.raster(384, 100, row * 100))
    bench.run(bench.driver.text("after\n"))
    status = bench.run(bench.driver.status())
    assert (status.paper, status.online) == ("ok", True)
    bench.run(bench.driver.cut())
    assert bench.chip.text == "after" and bench.chip.unknown == []


def test_rows_that_do_not_add_up_are_refused(bench):
    invariant = bench.world.load("kassa.system.ensure").InvariantError
    for rows in (bytes(48 * 3), bytes(47)):
        with pytest.raises(invariant):
            bench.run(bench.driver.raster(384, 2, rows))
    with pytest.raises(invariant):
        bench.run(bench.driver.raster(392, 1, bytes(49)))


@pytest.mark.parametrize(
    "text",
    ["plain ASCII #[]{}~@\\", "€ 12,50 Größe «à»", "Łódź čaj", "│ ½ │", "Łódź – čaj ½ │ Ñ €"],
)
def test_text_in_any_of_the_code_pages_is_printed_as_it_is(bench, text):
    assert bench.driver.encodable(text)
    bench.run(bench.driver.text(text + "\nASCII again\n" + text + "\n"))
    bench.run(bench.driver.cut())
    assert bench.chip.text == f"{text}\nASCII again\n{text}"


@pytest.mark.parametrize("text", ["刷卡成功", "ok ☕", "\x1b@", "a\tb", "\ufffd"])
def test_text_without_a_code_page_is_not_printed_at_all(bench, text):
    assert not bench.driver.encodable(text)
    with pytest.raises(bench.module.PrinterError):
        bench.run(bench.driver.text("before\n" + text + "\n"))
    bench.wait(1_000)
    assert bench.chip.text == ""


def test_every_code_page_agrees_with_pythons_codec(world):
    pages = world.load("kassa.drivers.code_pages")
    codecs = {0: "cp437", 16: "cp1252", 18: "cp852", 19: "cp858"}
    assert len(pages.PAGES) == len(codecs)
    for number, letters in pages.PAGES:
        assert len(letters) == 128
        for code in range(0x80, 0x100):
            expected = bytes((code,)).decode(codecs[number], "replace")
            assert letters[code - 0x80] == expected
            if expected != "\ufffd":
                assert pages.encode(expected, number) == (bytearray((code,)), number)


def test_a_line_without_its_newline_is_printed_before_a_picture_and_before_the_cut(bench):
    bench.run(bench.driver.text("one"))
    bench.run(bench.driver.text(" line"))
    bench.run(bench.driver.raster(8, 1, b"\xff"))
    bench.run(bench.driver.text("last"))
    bench.run(bench.driver.cut())
    assert bench.chip.receipts == ["one line\nlast"]


def test_status_tells_paper_and_cover(bench):
    def status() -> tuple[str, bool, bool]:
        answer = bench.run(bench.driver.status())
        return answer.paper, answer.online, answer.cover_open

    assert status() == ("ok", True, False)
    bench.chip.paper = "near_end"
    assert status() == ("near_end", True, False)
    bench.chip.cover_open = True
    assert status() == ("near_end", False, True)
    bench.chip.cover_open = False
    bench.chip.paper = "out"
    assert status() == ("out", False, False)


def test_without_paper_nothing_is_printed_not_even_later(bench):
    bench.chip.paper = "out"
    with pytest.raises(bench.module.PaperOut):
        bench.run(bench.driver.text("lost\n"))
    bench.chip.paper = "ok"
    bench.wait(1_000)
    assert bench.chip.text == ""
    bench.run(bench.driver.text("found\n"))
    bench.run(bench.driver.cut())
    assert bench.chip.text == "found"


def test_paper_that_ends_in_the_middle_is_noticed_within_half_a_second(bench):
    task = bench.start(bench.driver.text("line\n" * 60))
    bench.wait(1_500)
    bench.chip.paper = "out"
    out_ns = bench.world.clock.now_ns

    async def outcome() -> str:
        try:
            await task
        except bench.module.PaperOut:
            return "paper out"
        return "printed"

    assert bench.run(outcome()) == "paper out"
    assert bench.world.clock.now_ns - out_ns < 500 * NS_PER_MS


def test_paper_that_ends_after_the_last_line_was_sent_is_noticed_by_the_cut(bench):
    bench.run(bench.driver.text("line\n" * 10))
    task = bench.start(bench.driver.cut())
    bench.wait(100)
    bench.chip.paper = "out"
    with pytest.raises(bench.module.PaperOut):
        bench.run(bench.asyncio.wait_for_ms(task, 5_000))
    assert bench.chip.receipts == []


@pytest.mark.parametrize("fault", ["paper", "cover"])
@pytest.mark.parametrize("after_ms", [60, 333, 900, 1_500])
def test_the_slip_that_is_begun_again_is_complete_and_carries_nothing_of_the_first(
    bench, fault, after_ms
):
    def break_it(broken: bool) -> None:
        if fault == "paper":
            bench.chip.paper = "out" if broken else "ok"
        else:
            bench.chip.cover_open = broken

    task = bench.start(print_receipt(bench.driver))
    bench.wait(after_ms)
    break_it(True)
    with pytest.raises(bench.module.PrinterError):
        bench.run(bench.asyncio.wait_for_ms(task, 10_000))
    printed = bench.chip.text
    break_it(False)
    bench.wait(1_000)
    assert bench.chip.text == printed, "the rest was dropped"
    bench.run(print_receipt(bench.driver))
    whole = bench.chip.text[len(printed) :].lstrip("\n")
    assert whole.startswith("Kassa Coffee\n1 Example") and whole.endswith("Děkujeme")
    assert whole.count("TOTAL") == 1
    assert bench.chip.unknown == []


@pytest.mark.parametrize("knows_clear", [True, False])
def test_a_picture_cancelled_in_the_middle_does_not_swallow_what_follows(
    bench, knows_clear, monkeypatch
):
    if not knows_clear:
        monkeypatch.setattr("simulator.chips.printer._CLEAR_BUFFERS", b"never")
    task = bench.start(bench.driver.raster(384, 200, bytes(b"\x55" * 48 * 200)))
    bench.wait(153)
    task.cancel()
    bench.wait(100)
    bench.run(bench.driver.text("after\n"))
    bench.run(bench.driver.cut())
    assert bench.chip.text.strip() == "after"
    known = b"\x10\x14"  # a printer that does not know it skips it byte by byte
    assert all(code == known or code < b"\x20" for code in bench.chip.unknown)


def test_a_printer_without_power_is_reported_within_half_a_second_and_taken_again(bench):
    bench.run(bench.driver.text("one\n"))
    bench.wait(1_000)
    bench.chip.powered = False
    start_ns = bench.world.clock.now_ns
    for call in (bench.driver.text("lost\n"), bench.driver.status(), bench.driver.cut()):
        with pytest.raises(bench.module.PrinterError) as caught:
            bench.run(call)
        assert not isinstance(caught.value, bench.module.PaperOut)
    assert bench.world.clock.now_ns - start_ns < 3 * 500 * NS_PER_MS
    bench.chip.powered = True
    bench.run(bench.driver.text("two\n"))
    bench.run(bench.driver.cut())
    assert bench.chip.text == "one\ntwo"


def test_xoff_is_obeyed(bench):
    bench.run(bench.driver.text("one\n"))
    bench.wait(1_000)
    bench.chip.uart.send(b"\x13")
    bench.wait(5)
    task = bench.start(bench.driver.text("two\n"))
    bench.wait(1_000)
    assert bench.chip.text == "one" and not task.done()
    bench.chip.uart.send(b"\x11")
    bench.wait(500)
    assert bench.chip.text == "one\ntwo" and task.done()


def test_a_printer_that_stays_at_xoff_is_an_error(bench):
    bench.run(bench.driver.text("one\n"))
    bench.chip.uart.send(b"\x13")
    bench.wait(5)
    with pytest.raises(bench.module.PrinterError):
        bench.run(bench.driver.text("two\n"), timeout_s=5)


def test_a_printer_that_does_not_answer_in_turn_is_given_its_time(bench, monkeypatch):
    monkeypatch.setattr(type(bench.chip), "transmit_status", lambda self, kind: None)
    bench.run(bench.driver.text("line\n" * 20))
    bench.run(bench.driver.cut(), timeout_s=10)
    assert not bench.chip.busy and len(bench.chip.receipts) == 1


def test_slips_of_two_tasks_do_not_mix_within_a_call(bench):
    async def both() -> None:
        await bench.asyncio.gather(
            bench.driver.text("a1\na2\na3\n"), bench.driver.text("b1\nb2\nb3\n")
        )

    bench.run(both())
    bench.run(bench.driver.cut())
    assert bench.chip.text == "a1\na2\na3\nb1\nb2\nb3"


def test_feed_moves_the_paper_by_lines(bench):
    bench.run(bench.driver.feed(5))
    bench.wait(2_000)
    assert bench.chip.roll.length == 96 + 150


def test_a_printer_without_cutter_feeds_the_slip_out(world):
    bench = Bench(world)
    bench.driver = bench.module.Printer(bench.uart, 115_200, cutter=False)
    bench.run(bench.driver.text("torn by hand\n"))
    bench.run(bench.driver.cut())
    assert bench.chip.roll.length == 96 + 30 + 120 and bench.chip.receipts == []
