"""The keypad matrix model, scanned by hand over its wires."""

from __future__ import annotations

import pytest

from simulator.chips.buses import DataSheetViolation, Line
from simulator.chips.keypad import KeypadMatrix
from simulator.clock import NS_PER_MS, VirtualClock

LAYOUT = [["1", "2", "3"], ["4", "5", "6"], ["7", "8", "9"]]


class Bench:
    def __init__(self, seed: int = 0, bounce_us: int = 0) -> None:
        self.clock = VirtualClock()
        self.rows = [Line(f"row{i}") for i in range(3)]
        self.columns = [Line(f"column{i}") for i in range(3)]
        for column in self.columns:
            column.pull(self, 1)
        self.pad = KeypadMatrix(self.clock, self.rows, self.columns, LAYOUT, seed)
        self.pad.longest_bounce_us = bounce_us

    def scan(self) -> set[str]:
        """Keys that a scan with open-drain rows sees."""
        seen = set()
        for r, row in enumerate(self.rows):
            row.drive(self, 0)
            seen |= {LAYOUT[r][c] for c, column in enumerate(self.columns) if not column.level}
            row.drive(self, None)
        return seen


def test_a_pressed_key_pulls_its_column_down_through_its_row():
    bench = Bench()
    bench.pad.press("6")
    assert bench.scan() == {"6"}
    bench.pad.release("6")
    assert bench.scan() == set()


def test_several_keys_are_seen_at_once():
    bench = Bench()
    for key in "159":
        bench.pad.press(key)
    assert bench.scan() == set("159")


def test_three_corners_of_a_rectangle_make_the_fourth():
    bench = Bench()
    for key in "134":
        bench.pad.press(key)
    assert bench.scan() == set("1346")


def test_ghosts_travel_along_chains_of_contacts():
    bench = Bench()
    for key in "12589":
        bench.pad.press(key)
    assert bench.scan() == set("123456789")


def test_a_column_is_let_go_when_its_row_is():
    bench = Bench()
    for row in bench.rows:
        row.drive(bench, 0)
    bench.pad.press("5")
    assert bench.columns[1].level == 0
    bench.rows[1].drive(bench, None)
    assert bench.columns[1].level == 1
    bench.rows[1].drive(bench, 0)
    assert bench.columns[1].level == 0


def test_rows_driven_against_each_other_through_keys_are_a_short_circuit():
    bench = Bench()
    bench.pad.press("2")
    bench.pad.press("5")
    bench.rows[0].drive(bench, 0)
    with pytest.raises(DataSheetViolation):
        bench.rows[1].drive(bench, 1)


def test_contacts_bounce_for_at_most_8_ms_and_end_as_the_finger_says():
    changes = 0
    for seed in range(20):
        bench = Bench(seed, bounce_us=8_000)
        bench.rows[0].drive(bench, 0)
        times = []
        bench.columns[0].listen(lambda level, b=bench, t=times: t.append(b.clock.now_ns))
        bench.pad.press("1")
        assert bench.columns[0].level == 0, "closed at once"
        bench.clock.spend(50 * NS_PER_MS)
        assert bench.columns[0].level == 0 and max(times) <= 8 * NS_PER_MS
        bench.pad.release("1")
        bench.clock.spend(50 * NS_PER_MS)
        assert bench.columns[0].level == 1 and max(times) <= 58 * NS_PER_MS
        changes += len(times)
    assert changes > 100


def test_the_same_seed_bounces_the_same_way():
    def times(seed: int) -> list[int]:
        bench = Bench(seed, bounce_us=8_000)
        bench.rows[0].drive(bench, 0)
        heard: list[int] = []
        bench.columns[0].listen(lambda level: heard.append(bench.clock.now_ns))
        for _ in range(5):
            bench.pad.press("1")
            bench.clock.spend(20 * NS_PER_MS)
            bench.pad.release("1")
            bench.clock.spend(20 * NS_PER_MS)
        return heard

    assert times(3) == times(3) != times(4)


def test_a_stuck_key_stays_down_until_it_is_mended():
    bench = Bench(bounce_us=8_000)
    bench.pad.press("7")
    bench.pad.stick("7")
    bench.pad.release("7")
    bench.clock.spend(50 * NS_PER_MS)
    assert bench.scan() == {"7"}
    bench.pad.unstick("7")
    assert bench.scan() == set()


def test_a_key_that_does_not_exist_is_named():
    with pytest.raises(ValueError, match="'0'"):
        Bench().pad.press("0")


def test_the_scans_of_a_key_are_counted_by_its_row():
    bench = Bench()
    bench.pad.press("6")
    before = bench.pad.scans("6")
    bench.scan()
    bench.scan()
    assert bench.pad.scans("6") == before + 2


def test_the_rows_rest_once_the_terminal_has_seen_every_key_come_up():
    bench = Bench()
    for row in bench.rows:
        row.drive("firmware", 0)
    assert bench.pad.at_rest
    bench.rows[0].drive("firmware", 1)
    assert not bench.pad.at_rest
