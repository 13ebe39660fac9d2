"""The panel always ends up showing the newest scene, and gets no more than what changed."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest

from tests.ui.stage import Stage

WORDS = ("Kassa", "12.50", "请挥卡", "APPROVED", "jÅg")


class Canvas:
    """A panel that remembers what was written; 240 x 320 RGB565 words."""

    width, height = 240, 320

    def __init__(self) -> None:
        self.picture = np.zeros((320, 240), np.uint16)
        self.writes: list[tuple[int, int, int, int]] = []
        self.on_write: Any = None

    def write(self, x: int, y: int, width: int, height: int, pixels: Any) -> None:
        assert x >= 0 and y >= 0 and x + width <= 240 and y + height <= 320
        assert len(pixels) == width * height * 2
        block = np.frombuffer(bytes(pixels), ">u2").reshape(height, width)
        self.picture[y : y + height, x : x + width] = block
        self.writes.append((x, y, width, height))
        if self.on_write is not None:
            self.on_write()

    @property
    def bytes_written(self) -> int:
        return sum(2 * width * height for _, _, width, height in self.writes)


@pytest.fixture(scope="module")
def stage() -> Stage:
    return Stage(start=False)


def make_display(stage: Stage, strip_bytes: int = 240 * 24 * 2) -> tuple[Any, Canvas]:
    canvas = Canvas()
    display = stage.world.load("kassa.ui.display").Display(
        canvas, bytearray(strip_bytes), None, stage.display.fonts
    )
    return display, canvas


def scene_of(stage: Stage, items: list[tuple], ground: int = 0xFFFFFF) -> Any:
    scene = stage.world.load("kassa.ui.scene").Scene(ground)
    scene.items.extend(items)
    return scene


def random_items(stage: Stage, chance: random.Random) -> list[tuple]:
    kinds = stage.world.load("kassa.ui.scene")
    items: list[tuple] = []
    for _ in range(chance.randint(0, 6)):
        x, y = chance.randint(-20, 230), chance.randint(-20, 310)
        colour = chance.choice([0x0A5FB4, 0xC02B2B, 0x118048])
        kind = chance.randrange(4)
        if kind == 0:
            items.append((x, y, chance.randint(1, 90), chance.randint(1, 90), kinds.BOX, colour))
        elif kind == 1:
            size = (chance.randint(16, 90), chance.randint(16, 60))
            items.append((x, y, *size, kinds.ROUND, colour, 0xFFFFFF, 16))
        elif kind == 2:
            font = stage.display.fonts.font(24)
            text = chance.choice(WORDS)
            _, left, top, right, bottom = font.extent(text)
            box = (x + left, y + top, right - left, bottom - top)
            items.append((*box, kinds.TEXT, x, y, 24, text, colour, 0xFFFFFF))
        else:
            items.append((x, y, 56, 56, kinds.PICTURE, 0xE010, colour, 0xFFFFFF))
    return items


def fresh_picture(stage: Stage, scene: Any) -> np.ndarray:
    display, canvas = make_display(stage)
    stage.run(display.show(scene))
    return canvas.picture


@pytest.mark.parametrize("seed", range(6))
def test_whatever_was_shown_before_the_panel_ends_up_with_the_newest_scene(
    stage: Stage, seed: int
) -> None:
    chance = random.Random(seed)
    display, canvas = make_display(stage, chance.choice([480, 2000, 240 * 24 * 2]))
    items: list[tuple] = []
    for _ in range(6):
        kept = [item for item in items if chance.random() < 0.6]
        items = kept + random_items(stage, chance)
        scene = scene_of(stage, items, chance.choice([0xFFFFFF, 0xFFFFFF, 0xF7F8FA]))
        stage.run(display.show(scene))
        assert np.array_equal(canvas.picture, fresh_picture(stage, scene))


def test_the_same_scene_again_sends_nothing(stage: Stage) -> None:
    display, canvas = make_display(stage)
    items = random_items(stage, random.Random(1))
    stage.run(display.show(scene_of(stage, items)))
    sent = canvas.bytes_written
    stage.run(display.show(scene_of(stage, list(items))))
    assert canvas.bytes_written == sent == display.bytes_sent == 240 * 320 * 2


def test_only_the_box_of_what_changed_is_sent(stage: Stage) -> None:
    kinds = stage.world.load("kassa.ui.scene")
    display, canvas = make_display(stage)
    still = (0, 0, 240, 40, kinds.BOX, 0x123456)
    stage.run(display.show(scene_of(stage, [still, (10, 100, 30, 20, kinds.BOX, 1)])))
    canvas.writes.clear()
    stage.run(display.show(scene_of(stage, [still, (10, 100, 30, 20, kinds.BOX, 0xFF0000)])))
    assert canvas.writes == [(10, 100, 30, 20)]


def test_changes_far_apart_are_sent_apart_and_near_ones_together(stage: Stage) -> None:
    kinds = stage.world.load("kassa.ui.scene")
    display, canvas = make_display(stage)
    stage.run(display.show(scene_of(stage, [])))
    canvas.writes.clear()
    far = [(0, 0, 20, 20, kinds.BOX, 1), (200, 290, 20, 20, kinds.BOX, 1)]
    stage.run(display.show(scene_of(stage, far)))
    assert canvas.writes == [(0, 0, 20, 20), (200, 290, 20, 20)]
    canvas.writes.clear()
    near = [*far, (50, 100, 20, 20, kinds.BOX, 1), (72, 100, 20, 20, kinds.BOX, 1)]
    stage.run(display.show(scene_of(stage, near)))
    assert canvas.writes == [(50, 100, 42, 20)]


def test_changes_come_from_the_top_downwards(stage: Stage) -> None:
    kinds = stage.world.load("kassa.ui.scene")
    display, canvas = make_display(stage)
    stage.run(display.show(scene_of(stage, [])))
    canvas.writes.clear()
    boxes = [(0, y, 240, 30, kinds.BOX, 1) for y in (200, 10, 100)]
    stage.run(display.show(scene_of(stage, boxes)))
    tops = [y for _, y, _, _ in canvas.writes]
    assert tops == sorted(tops)


def test_a_strip_of_one_line_is_enough(stage: Stage) -> None:
    scene = scene_of(stage, random_items(stage, random.Random(3)))
    display, canvas = make_display(stage, 480)
    stage.run(display.show(scene))
    assert len(canvas.writes) == 320
    assert np.array_equal(canvas.picture, fresh_picture(stage, scene))


def test_others_may_run_between_two_strips(stage: Stage) -> None:
    asyncio = stage.world.load("asyncio")
    display, canvas = make_display(stage)
    seen: list[int] = []

    async def other() -> None:
        while True:
            seen.append(len(canvas.writes))
            await asyncio.sleep_ms(0)

    async def both() -> None:
        task = asyncio.create_task(other())
        await display.show(scene_of(stage, []))
        task.cancel()

    stage.run(both())
    assert set(range(1, 13)) <= set(seen)


def test_a_show_that_was_cancelled_is_made_good_by_the_next(stage: Stage) -> None:
    asyncio = stage.world.load("asyncio")
    display, canvas = make_display(stage)
    chance = random.Random(5)
    first, second = (scene_of(stage, random_items(stage, chance)) for _ in range(2))

    async def interrupted() -> None:
        task = asyncio.create_task(display.show(first))
        while len(canvas.writes) < 4:
            await asyncio.sleep_ms(0)
        task.cancel()
        await asyncio.sleep_ms(1)
        assert len(canvas.writes) < 14
        await display.show(second)

    stage.run(interrupted())
    assert np.array_equal(canvas.picture, fresh_picture(stage, second))


def test_two_shows_at_once_end_with_the_later_scene(stage: Stage) -> None:
    asyncio = stage.world.load("asyncio")
    display, canvas = make_display(stage)
    chance = random.Random(9)
    first, second = (scene_of(stage, random_items(stage, chance)) for _ in range(2))

    async def race() -> None:
        task = asyncio.create_task(display.show(first))
        while len(canvas.writes) < 5:
            await asyncio.sleep_ms(0)
        await display.show(second)
        assert task.done() or not display._stale

    stage.run(race())
    assert np.array_equal(canvas.picture, fresh_picture(stage, second))


def test_a_panel_that_lost_its_picture_gets_all_of_it(stage: Stage) -> None:
    display, canvas = make_display(stage)
    scene = scene_of(stage, random_items(stage, random.Random(2)))
    stage.run(display.show(scene))
    canvas.picture[:] = 0x5555
    display.forget()
    stage.run(display.show(scene))
    assert np.array_equal(canvas.picture, fresh_picture(stage, scene))
