"""The ESC/POS printer model, driven byte by byte over its serial line."""

from __future__ import annotations

import numpy as np
import pytest

from simulator.chips.printer import BUFFER_SIZE, EscPosPrinter
from simulator.chips.printer_font import FONT_A, FONT_B, glyph
from simulator.clock import NS_PER_MS, NS_PER_S, VirtualClock

LINE_NS = 30 * NS_PER_S // 480


class Wire:
    """The terminal's end of the line: keeps what the printer says."""

    baudrate = 115_200

    def __init__(self) -> None:
        self.heard = bytearray()

    def send(self, data: bytes) -> None:
        self.heard += data


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


@pytest.fixture
def printer(clock: VirtualClock) -> EscPosPrinter:
    printer = EscPosPrinter(clock)
    printer.uart = Wire()
    return printer


def finish(clock: VirtualClock) -> None:
    clock.advance_to(clock.now_ns + 100 * NS_PER_S)


def dots(printer: EscPosPrinter) -> np.ndarray:
    """What is on paper as bool, margins and the 12 mm between head and blade off."""
    picture = np.asarray(printer.image().convert("L"))[96:]
    margin = (picture.shape[1] - 384) // 2
    return picture[:, margin : margin + 384] < 128


def test_a_line_of_text_comes_out_after_the_time_it_takes_to_feed_it(printer, clock):
    lines = []
    printer.on_print = lines.append
    printer.uart_receive(b"HELLO\n")
    clock.advance_to(LINE_NS)
    assert printer.text == "" and not lines
    clock.advance_to(LINE_NS + 20 * NS_PER_MS)
    assert printer.text == "HELLO" and lines == ["HELLO"]
    assert LINE_NS < printer.first_line_ns <= LINE_NS + 20 * NS_PER_MS


def test_the_letters_are_on_the_paper_where_they_belong(printer, clock):
    printer.uart_receive(b"AB\n")
    finish(clock)
    paper = dots(printer)
    assert (paper[:24, :12] == glyph("A")).all()
    assert (paper[:24, 12:24] == glyph("B")).all()
    assert not paper[:, 24:].any() and not paper[24:].any()


def test_a_line_wraps_after_32_characters(printer, clock):
    printer.uart_receive(b"x" * 33 + b"\n")
    finish(clock)
    assert printer.text == "x" * 32 + "\nx"


@pytest.mark.parametrize(("how", "left"), [(b"0", 0), (b"\x01", 186), (b"2", 372)])
def test_justification_moves_the_line(printer, clock, how, left):
    printer.uart_receive(b"\x1ba" + how + b"H\n")
    finish(clock)
    assert (dots(printer)[:24, left : left + 12] == glyph("H")).all()
    assert dots(printer).sum() == glyph("H").sum()


def test_justification_in_the_middle_of_a_line_is_ignored(printer, clock):
    printer.uart_receive(b"H\x1ba\x02\n")
    finish(clock)
    assert (dots(printer)[:24, :12] == glyph("H")).all()


def test_character_size_scales_both_ways_and_pushes_the_paper_on(printer, clock):
    printer.uart_receive(b"\x1d!\x11H\n")
    finish(clock)
    paper = dots(printer)
    assert len(paper) == 48
    assert (paper[:, :24] == glyph("H").repeat(2, 0).repeat(2, 1)).all()


def test_print_modes_set_all_styles_at_once_and_esc_at_takes_them_back(printer, clock):
    printer.uart_receive(b"\x1b!\xb8H\n\x1b@H\n")
    finish(clock)
    paper = dots(printer)
    big, plain = paper[:48, :24], paper[48:72, :12]
    assert big[-1].all(), "underlined"
    assert big.sum() > 4 * glyph("H").sum(), "bold"
    assert (plain == glyph("H")).all()


def test_font_b_is_smaller(printer, clock):
    printer.uart_receive(b"\x1bM\x01" + b"x" * 42 + b"\n")
    finish(clock)
    assert printer.text == "x" * 42
    assert (dots(printer)[:17, :9] == glyph("x", FONT_B)).all()


@pytest.mark.parametrize(
    ("page", "codec", "text"),
    [(0, "cp437", "Café ½ £"), (16, "cp1252", "€ 12,50 – Größe"), (19, "cp858", "Ñandú €"),
     (18, "cp852", "Łódź")],
)  # fmt: skip
def test_code_pages_give_the_high_codes_their_letters(printer, clock, page, codec, text):
    printer.uart_receive(b"\x1bt" + bytes((page,)) + text.encode(codec) + b"\n")
    finish(clock)
    assert printer.text == text


def test_a_country_replaces_its_ascii_codes(printer, clock):
    printer.uart_receive(b"\x1bR\x02[\\] @\x1bR\x00[@\n")
    finish(clock)
    assert printer.text == "ÄÖÜ §[@"


def test_line_spacing_and_feeds_move_the_paper_by_dots(printer, clock):
    printer.uart_receive(b"\x1b3\x28x\n\x1b2x\n\x1bd\x03\x1bJ\x07")
    finish(clock)
    assert printer.roll.length == 96 + 40 + 30 + 90 + 7


def test_a_raster_picture_appears_dot_for_dot_and_may_arrive_in_pieces(printer, clock):
    picture = np.random.default_rng(1).integers(0, 2, (50, 64)).astype(bool)
    data = b"\x1dv0\x00\x08\x00\x32\x00" + np.packbits(picture).tobytes() + b"after\n"
    for start in range(0, len(data), 7):
        printer.uart_receive(data[start : start + 7])
        clock.advance_to(clock.now_ns + 3 * NS_PER_MS)
    finish(clock)
    assert (dots(printer)[:50, :64] == picture).all()
    assert printer.text == "after"


def test_raster_scale_and_justification(printer, clock):
    printer.uart_receive(b"\x1ba\x01\x1dv0\x03\x01\x00\x01\x00\x80")
    finish(clock)
    paper = dots(printer)
    assert len(paper) == 2
    assert np.flatnonzero(paper[0]).tolist() == [184, 185]


def test_dense_lines_take_longer_than_light_ones(printer, clock):
    def seconds(row: bytes) -> int:
        start = clock.now_ns
        printer.uart_receive(b"\x1dv0\x00\x30\x00\x50\x00" + row * 3840)
        while printer.busy:
            clock.advance_to(clock.now_ns + NS_PER_MS)
        return clock.now_ns - start

    light, dense = seconds(b"\x01"), seconds(b"\xff")
    assert 80 * NS_PER_S // 480 <= light < dense


def test_the_cut_falls_where_the_blade_is(printer, clock):
    cuts = []
    printer.on_cut = lambda: cuts.append(clock.now_ns)
    printer.uart_receive(b"one\n" * 10 + b"\x1dV\x00" + b"two\n\x1dV\x42\x00")
    finish(clock)
    assert len(cuts) == 2
    first, second = printer.receipts
    assert first == "\n".join(["one"] * 6), "the blade is 96 dots beyond the head"
    assert second == "\n".join(["one"] * 4 + ["two"])
    assert printer.image(0).height == 300
    assert len(printer.first_lines_ns) == 2


def test_a_printer_without_a_cutter_ignores_the_cut(clock):
    printer = EscPosPrinter(clock, cutter=False)
    printer.uart = Wire()
    printer.uart_receive(b"x\n\x1dV\x42\x00y\n")
    finish(clock)
    assert printer.text == "x\ny" and printer.receipts == []
    assert printer.roll.length == 96 + 60


@pytest.mark.parametrize(
    ("paper", "cover", "answers"),
    [
        ("ok", False, b"\x12\x12\x12\x12"),
        ("near_end", False, b"\x12\x12\x12\x1e"),
        ("out", False, b"\x1a\x32\x12\x7e"),
        ("ok", True, b"\x1a\x16\x12\x12"),
    ],
)
def test_real_time_status_tells_paper_and_cover(printer, paper, cover, answers):
    printer.paper, printer.cover_open = paper, cover
    printer.uart_receive(b"\x10\x04\x01\x10\x04\x02\x10\x04\x03\x10\x04\x04")
    assert bytes(printer.uart.heard) == answers


def test_real_time_status_is_answered_while_everything_else_waits(printer, clock):
    printer.paper = "out"
    printer.uart_receive(b"waiting\n\x1dr\x01\x10\x04")
    printer.uart_receive(b"\x04")
    finish(clock)
    assert bytes(printer.uart.heard) == b"\x7e"
    assert printer.text == ""
    printer.paper = "ok"
    finish(clock)
    assert printer.text == "waiting"
    assert bytes(printer.uart.heard) == b"\x7e\x00", "GS r waits for its turn"


def test_automatic_status_reports_changes_once_asked_for(printer):
    printer.paper = "near_end"
    assert not printer.uart.heard
    printer.uart_receive(b"\x1da\x08")
    printer.paper = "out"
    assert bytes(printer.uart.heard) == b"\x10\x00\x03\x00" + b"\x18\x00\x0f\x00"


def test_paper_that_ends_stops_the_print_after_the_line_under_way(printer, clock):
    printer.uart_receive(b"1\n2\n3\n4\n")
    clock.advance_to(LINE_NS + LINE_NS // 2)
    printer.paper = "out"
    finish(clock)
    assert printer.text == "1\n2"
    printer.paper = "ok"
    finish(clock)
    assert printer.text == "1\n2\n3\n4"


def test_clearing_the_buffers_drops_what_was_not_printed(printer, clock):
    printer.paper = "out"
    printer.uart_receive(b"old\n\x1dv0\x00\x30\x00\xff\x00")
    printer.uart_receive(bytes((16, 20, 8, 1, 3, 20, 1, 6, 2, 8)))
    assert bytes(printer.uart.heard) == b"\x37\x25\x00"
    printer.paper = "ok"
    printer.uart_receive(b"new\n")
    finish(clock)
    assert printer.text == "new"


def test_a_full_buffer_says_xoff_then_drops_and_says_xon_when_there_is_room(printer, clock):
    printer.uart_receive(b"0123456789012345678901234567890\n" * 124)
    assert bytes(printer.uart.heard) == b"\x13" and printer.overruns == 0
    printer.uart_receive(b"y" * 1000)
    assert printer.overruns == 124 * 32 - 32 + 1000 - BUFFER_SIZE, "one line is in the mechanism"
    finish(clock)
    assert bytes(printer.uart.heard) == b"\x13\x11"
    assert printer.text.count("\n") > 120


def test_a_printer_set_to_hardware_flow_control_never_says_xoff(printer):
    printer.xon_xoff = False
    printer.uart_receive(b"x\n" * BUFFER_SIZE)
    assert not printer.uart.heard and printer.overruns > 0


def test_bytes_at_the_wrong_baud_rate_are_noise(printer, clock):
    printer.uart.baudrate = 9_600
    printer.uart_receive(b"x\n")
    finish(clock)
    assert printer.text == "" and printer.framing_errors == 2


def test_without_power_it_says_nothing_and_forgets(printer, clock):
    printer.uart_receive(b"a\nb\n")
    printer.powered = False
    printer.uart_receive(b"\x10\x04\x01")
    printer.powered = True
    finish(clock)
    assert printer.text == "" and not printer.uart.heard


def test_commands_it_does_not_know_are_kept_for_the_reader_of_the_test(printer, clock):
    printer.uart_receive(b"\x1bt\x63\x1bZ\x1d!\x99\x07ok\n")
    finish(clock)
    assert printer.unknown == [b"\x1bt\x63", b"\x1bZ", b"\x1d!\x99", b"\x07"]
    assert printer.text == "ok"


def test_every_letter_of_the_western_pages_has_a_picture_of_its_own():
    letters = [chr(code) for code in range(0x21, 0x7F)] + list("äöüÄÖÜßéèêëñçåøæ€£¥§°¡¿")
    pictures = {glyph(letter).tobytes() for letter in letters}
    assert len(pictures) == len(letters)
    assert glyph("漢").tobytes() == glyph("字").tobytes(), "an empty box"
    assert glyph("A").shape == FONT_A[::-1]
