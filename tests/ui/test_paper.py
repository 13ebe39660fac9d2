"""Receipts come out as text or as pictures, whole, and their first line soon."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from kassa.ui.language import LANGUAGES

from simulator.clock import NS_PER_MS
from tests.ui.stage import HASHES, NOON, PICTURES, Stage

WIDTH = 384

ROWS: list[tuple] = [
    ("title", "Kassa Coffee"),
    ("center", "1 Example Street"),
    ("center", "10115 Berlin"),
    ("space", 1),
    ("rule",),
    ("pair", "Terminal", "KASSA001"),
    ("big", "€12.50"),
    ("rule",),
    ("cut",),
]


@pytest.fixture
def stage() -> Iterator[Stage]:
    stage = Stage()
    yield stage
    stage.world.close()


def receipt(stage: Stage) -> list[tuple]:
    """All rows a receipt may have, with the catalogue's words."""
    t = stage.catalogue.t
    pairs = (
        ("receipt.date", stage.catalogue.format_date(NOON)),
        ("receipt.time", stage.catalogue.format_time(NOON)),
        ("receipt.terminal", "KASSA001"),
        ("receipt.merchant", "000000000012345"),
        ("receipt.stan", "000123"),
        ("receipt.card", "476173******0010"),
        ("receipt.aid", "A0000000031010"),
        ("receipt.approval_code", "A1B2C3"),
        ("receipt.rrn", "632612000123"),
        ("receipt.tvr", "0000000000"),
        ("receipt.cryptogram", "0123456789ABCDEF"),
    )
    return [
        ("title", "Kassa Coffee"),
        ("center", "1 Example Street"),
        ("center", "10115 Berlin"),
        ("space", 1),
        ("center", t("receipt.customer_copy")),
        ("rule",),
        *[("pair", t(key), value) for key, value in pairs],
        ("rule",),
        ("center", t("receipt.sale")),
        ("big", stage.catalogue.format_amount(1250, "EUR")),
        ("center", t("receipt.approved")),
        ("rule",),
        ("center", t("receipt.cvm_cdcvm")),
        ("center", t("receipt.thank_you")),
        ("cut",),
    ]


def printed(stage: Stage) -> list[str]:
    return [event["text"] for event in stage.events if event["is"] == "printed"]


def modes(stage: Stage) -> list[str]:
    return [event["mode"] for event in stage.events if event["is"] == "receipt"]


# -- as text --------------------------------------------------------------------------------------


def test_a_slip_in_letters_the_printer_has_is_printed_as_text(stage: Stage) -> None:
    stage.run(stage.paper.print(ROWS))
    assert modes(stage) == ["text"]
    assert stage.wiring.printer.text.splitlines() == [
        "Kassa Coffee",
        "1 Example Street",
        "10115 Berlin",
        "-" * 32,
        "Terminal                KASSA001",
        "€12.50",
        "-" * 32,
    ]


def test_one_letter_that_the_printer_lacks_makes_the_whole_slip_a_picture(stage: Stage) -> None:
    stage.run(stage.paper.print([*ROWS[:-1], ("center", "请保管"), ("cut",)]))
    assert modes(stage) == ["raster"]
    assert stage.wiring.printer.text.strip() == ""
    assert printed(stage)[-1] == "请保管"


letters = st.text(st.sampled_from("ab cdé-"), max_size=70)


@given(text=letters, columns=st.integers(4, 42))
def test_a_text_broken_into_lines_loses_nothing_but_blanks(text: str, columns: int) -> None:
    lines = _paper().text_lines(text, columns)
    assert all(len(line) <= columns for line in lines)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")


@given(left=letters, right=letters, columns=st.integers(4, 42))
def test_a_pair_reaches_both_edges(left: str, right: str, columns: int) -> None:
    lines = _paper().pair_lines(left, right, columns)
    assert all(len(line) <= columns for line in lines)
    if len(left) + len(right) < columns:
        assert lines == [left + " " * (columns - len(left) - len(right)) + right]
    else:
        assert len(lines[-1]) == columns or not right.strip()
    together = "".join(lines).replace(" ", "")
    assert together == (left + right).replace(" ", "")


_world: list[Any] = []


def _paper() -> Any:
    if not _world:
        _world.append(Stage(start=False).world.load("kassa.ui.paper"))
    return _world[0]


# -- as pictures ----------------------------------------------------------------------------------


def dots(stage: Stage) -> np.ndarray:
    """The paper as it came out, True where it is black, cropped to the printable width."""
    image = np.asarray(stage.wiring.printer.image().convert("L"))
    side = (image.shape[1] - WIDTH) // 2
    return image[:, side : side + WIDTH] < 128


def print_hash(stage: Stage) -> str:
    """Of the dots on the paper, from the first that is black to the last."""
    black = dots(stage)
    inked = np.flatnonzero(black.any(axis=1))
    return hashlib.sha256(np.packbits(black[inked[0] : inked[-1] + 1]).tobytes()).hexdigest()[:16]


def test_a_drawn_receipt_looks_as_it_was_approved() -> None:
    """When a change is wanted: look at the picture, then `python -m tests.ui.test_paper`."""
    stage = Stage("zh")
    stage.run(stage.paper.print(receipt(stage)))
    known = json.loads(HASHES.read_text(encoding="utf-8"))["receipt"]
    if print_hash(stage) != known:
        PICTURES.mkdir(parents=True, exist_ok=True)
        stage.wiring.printer.image().save(PICTURES / "receipt_zh.png")
        pytest.fail("look at build/screens/receipt_zh.png")


def test_a_printed_receipt_has_every_row(stage: Stage) -> None:
    stage.run(stage.paper.print(receipt(stage)))
    assert stage.wiring.printer.text.splitlines() == [
        "Kassa Coffee",
        "1 Example Street",
        "10115 Berlin",
        "CUSTOMER COPY",
        "--------------------------------",
        "Date                 22 Nov 2026",
        "Time                       12:05",
        "Terminal                KASSA001",
        "Merchant         000000000012345",
        "Trace no.                 000123",
        "Card            476173******0010",
        "AID               A0000000031010",
        "Approval code             A1B2C3",
        "Reference           632612000123",
        "TVR                   0000000000",
        "Cryptogram      0123456789ABCDEF",
        "--------------------------------",
        "SALE",
        "€12.50",
        "APPROVED",
        "--------------------------------",
        "Verified on device",
        "Thank you. Please retain your",
        "receipt",
    ]


def test_a_drawn_line_is_the_fonts_letters_and_nothing_else(stage: Stage) -> None:
    stage.run(stage.paper.print([("pair", "卡号", "476173******0010")]))
    stage.wait(3000)
    black = dots(stage)
    columns = np.flatnonzero(black.any(axis=0))
    font = stage.display.fonts.font(24)
    _, left, _, right, _ = font.extent("卡号")
    assert columns[0] in range(left, left + 2)
    assert columns[-1] in range(WIDTH - 4, WIDTH)
    gap = black[:, right + 2 : WIDTH - font.width("476173******0010") - 2]
    assert not gap.any()
    assert 200 < black.sum() < 4000


@pytest.mark.parametrize(
    ("row", "lines"),
    [
        (("center", "请妥善保管此联"), 1),
        (("center", "请" * 40), 3),
        (("pair", "卡号", "1"), 1),
        (("pair", "请" * 10, "2" * 20), 2),
    ],
)
def test_a_long_line_takes_more_paper_instead_of_being_cut(
    stage: Stage, row: tuple, lines: int
) -> None:
    stage.run(stage.paper.print([("center", "请"), row]))
    stage.wait(4000)
    inked = np.flatnonzero(dots(stage).any(axis=1))
    assert inked[-1] - inked[0] in range(32 * lines, 32 * lines + 28)


def test_an_amount_is_drawn_large(stage: Stage) -> None:
    stage.run(stage.paper.print([("big", "€12.50"), ("center", "请")]))
    stage.wait(3000)
    inked = dots(stage).any(axis=1)
    first = int(np.argmax(inked))
    assert int(np.argmin(inked[first:])) > 38


# -- in time, and when the paper ends -------------------------------------------------------------


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_first_line_is_on_paper_within_300_ms(language: str) -> None:
    stage = Stage(language)
    began = stage.world.clock.now_ns
    first: list[int] = []
    stage.wiring.printer.on_print = lambda *_: first.append(stage.world.clock.now_ns)
    stage.run(stage.paper.print(receipt(stage)))
    assert (first[0] - began) / NS_PER_MS < 300


def test_when_the_paper_ends_the_caller_is_told_and_may_print_again(stage: Stage) -> None:
    paper_out = stage.world.load("kassa.drivers.printer").PaperOut
    stage.wiring.printer.paper = "out"
    with pytest.raises(paper_out):
        stage.run(stage.paper.print(ROWS))
    stage.wiring.printer.paper = "ok"
    stage.run(stage.paper.print(ROWS))
    assert "Terminal                KASSA001" in stage.wiring.printer.text


def renew() -> None:
    """Take the drawn receipt as it is now for right."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    stage = Stage("zh")
    stage.run(stage.paper.print(receipt(stage)))
    stage.wiring.printer.image().save(PICTURES / "receipt_zh.png")
    hashes = json.loads(HASHES.read_text(encoding="utf-8"))
    hashes["receipt"] = print_hash(stage)
    HASHES.write_text(json.dumps(hashes, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    renew()
