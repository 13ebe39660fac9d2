"""What went wrong is kept in flash, in little of it, and never in the way."""

from __future__ import annotations

import contextlib
import errno
import json
from collections.abc import Iterator
from typing import Any

import pytest

from simulator.clock import NS_PER_S
from simulator.filesystem import Littlefs
from simulator.standins.world import Ended, World
from simulator.wiring import Wiring
from tests.conftest import new_world
from tests.on_micropython.run import run_script


@pytest.fixture
def powered(wiring: Wiring) -> Iterator[World]:
    vfs = wiring.partition("vfs")
    world = new_world(wiring=wiring, root=Littlefs(wiring.flash, vfs["offset"], vfs["size"]))
    yield world
    world.close()


def box_of(world: World) -> Any:
    return world.load("kassa.system.black_box").BlackBox()


def pass_time(world: World, minutes: float) -> None:
    world.clock.spend(int(minutes * 60 * NS_PER_S))


def lines(box: Any) -> list[dict[str, Any]]:
    return [json.loads(line) for line in box.lines()]


def trouble(number: int = 0, **facts: object) -> dict[str, Any]:
    return {"t": 5, "at": "reader", "is": f"trouble {number}", "error": "ReaderFault", **facts}


def test_nothing_is_written_before_somebody_says_so(powered: World) -> None:
    box = box_of(powered)
    box.add(trouble())
    assert box.lines() == []
    box.write()
    assert [line["is"] for line in lines(box)] == ["trouble 0"]


def test_lines_outlive_the_power(powered: World) -> None:
    box = box_of(powered)
    box.add(trouble(1))
    box.write()
    assert [line["is"] for line in lines(box_of(powered))] == ["trouble 1"]


def test_a_line_tells_the_time_and_the_start_when_they_are_known(powered: World) -> None:
    box = box_of(powered)
    box.add(trouble(1))

    class Clock:
        is_set = True

        def utc(self) -> tuple[int, ...]:
            return 2026, 11, 27, 3, 31, 5

    box.clock, box.boot = Clock(), 12
    box.add(trouble(2))
    box.write()
    first, second = lines(box)
    assert "utc" not in first and first["up_ms"] > 0
    assert second["utc"] == "2026-11-27T03:31:05Z" and second["boot"] == 12


def test_a_fault_that_repeats_every_second_is_written_once_in_ten_minutes(powered: World) -> None:
    box = box_of(powered)
    before = powered.wiring.flash.counters.erases
    for second in range(3600):
        box.add(trouble(message=f"try {second}"))
        box.write()
        pass_time(powered, 1 / 60)
    told = lines(box)
    assert 5 <= len(told) <= 7
    assert sum(line.get("times", 1) for line in told) >= 3000
    assert powered.wiring.flash.counters.erases - before < 40


def test_many_different_faults_do_not_wear_the_flash(powered: World) -> None:
    box = box_of(powered)
    for number in range(500):
        box.add(trouble(number))
        box.write()
    assert len(lines(box)) == 30
    pass_time(powered, 61)
    box.write()
    box.add(trouble(1000))
    box.write()
    assert lines(box)[-1]["is"] == "trouble 1000"
    assert lines(box)[-1]["lost"] == 470


def test_the_ring_keeps_the_newest_and_stays_small(powered: World) -> None:
    box = box_of(powered)
    for number in range(400):
        box.add(trouble(number, message="m" * 500))
        box.write()
        pass_time(powered, 11)
    kept = [int(line["is"].split()[1]) for line in lines(box)]
    assert kept == list(range(kept[0], 400)) and len(kept) > 15
    sizes = [powered.load("os").stat(f"/state/box.{n}")[6] for n in (0, 1)]
    assert max(sizes) <= 4096


def test_the_last_words_are_kept_whatever_came_before(powered: World) -> None:
    box = box_of(powered)
    for number in range(100):
        box.add(trouble(number))
    box.last_words({"at": "main", "is": "restart", "task": "host link"})
    assert lines(box)[-1]["task"] == "host link"
    assert len(lines(box)) == 10


def test_a_full_or_missing_file_system_is_no_trouble(world: World) -> None:
    box = box_of(world)  # this world has no file system at all
    box.add(trouble())
    box.write()
    box.last_words(trouble(1))
    assert box.lines() == []
    assert box.lost == 2


def test_damaged_lines_are_passed_over(powered: World) -> None:
    box = box_of(powered)
    box.add(trouble(1))
    box.write()
    with powered.open("/state/box.0", "ab") as file:
        file.write(b'{"half\n\xff\xfe\n[1]\n')
    box.add(trouble(2))
    box.write()
    assert [line["is"] for line in lines(box)] == ["trouble 1", "trouble 2"]


def test_power_lost_while_writing_loses_no_line_that_was_there(wiring: Wiring) -> None:
    vfs = wiring.partition("vfs")
    for cut in range(1, 12):
        root = Littlefs(wiring.flash, vfs["offset"], vfs["size"])
        world = new_world(wiring=wiring, root=root)
        box = box_of(world)
        known = box.lines()
        box.add(trouble(cut))
        wiring.flash.cut_after(cut)
        with contextlib.suppress(Ended):
            box.write()
        wiring.flash.power_on()
        world.close()
        world = new_world(wiring=wiring, root=Littlefs(wiring.flash, vfs["offset"], vfs["size"]))
        assert box_of(world).lines()[: len(known)] == known
        world.close()


def test_troubles_of_the_log_reach_the_box(powered: World) -> None:
    log = powered.load("kassa.system.log").Log(sink=lambda line: None)
    box = box_of(powered)
    log.on_trouble = box.add
    log.event("ui", "screen", name="welcome")
    log.trouble("host", "bad answer", OSError(errno.EIO), stan="000012")
    box.write()
    (line,) = lines(box)
    assert line["at"] == "host" and line["error"] == "OSError" and line["stan"] == "000012"


@pytest.mark.micropython
def test_the_same_on_micropython() -> None:
    printed = run_script(
        "import vfs, json\n"
        "class Ram:\n"
        "    def __init__(self): self.data = bytearray(64 * 4096)\n"
        "    def readblocks(self, n, buf, off=0):\n"
        "        at = n * 4096 + off\n"
        "        buf[:] = self.data[at:at + len(buf)]\n"
        "    def writeblocks(self, n, buf, off=0):\n"
        "        at = n * 4096 + off\n"
        "        self.data[at:at + len(buf)] = buf\n"
        "    def ioctl(self, op, arg): return {4: 64, 5: 4096}.get(op, 0)\n"
        "ram = Ram()\n"
        "vfs.VfsLfs2.mkfs(ram)\n"
        "vfs.mount(vfs.VfsLfs2(ram), '/flash')\n"
        "from kassa.system.black_box import BlackBox\n"
        "box = BlackBox('/flash/state/box')\n"
        "for n in range(200):\n"
        "    box.last_words({'at': 'test', 'is': str(n), 'message': 'x' * 300})\n"
        "kept = [json.loads(line) for line in box.lines()]\n"
        "print(kept[-1]['is'], len(kept) > 20, len(kept[0]['message']))\n"
    )
    assert printed == "199 True 120\n"
