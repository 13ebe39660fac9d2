"""Racing, critical tasks and the watchdog."""

from __future__ import annotations

import pytest

SOURCE = """
import asyncio
from kassa.system.tasks import CriticalTaskEnded, Supervisor, first

log = []

class Log:
    def trouble(self, at, what, error, **facts):
        log.append((what, type(error).__name__))

class Dog:
    feed_every_ms = 100
    fed = 0
    def feed(self):
        self.fed += 1

async def after(ms, result):
    try:
        await asyncio.sleep_ms(ms)
    except asyncio.CancelledError:
        log.append(("cancelled", result))
        raise
    return result

async def fails(ms):
    await asyncio.sleep_ms(ms)
    raise ValueError("no")
"""


@pytest.fixture
def module(world):
    return world.execute(SOURCE)


def test_the_first_to_finish_wins_and_the_others_are_cancelled(world, module):
    assert world.run(module.first(module.after(50, "slow"), module.after(10, "fast"))) == (
        1,
        "fast",
    )
    assert module.log == [("cancelled", "slow")]


def test_an_error_of_the_first_to_finish_is_raised(world, module):
    with pytest.raises(ValueError):
        world.run(module.first(module.after(50, "slow"), module.fails(10)))
    assert module.log == [("cancelled", "slow")]


def test_a_contender_that_wins_at_once_leaves_no_task_behind(world, module):
    assert world.run(module.first(module.after(0, "a"), module.after(1000, "b"))) == (0, "a")


def test_cancelling_the_race_cancels_every_contender(world, module):
    asyncio = world.load("asyncio")

    async def race():
        task = asyncio.create_task(module.first(module.after(500, "a"), module.after(500, "b")))
        await asyncio.sleep_ms(10)
        task.cancel()
        try:
            await task
        except asyncio.CancelledError:
            return sorted(module.log)

    assert world.run(race()) == [("cancelled", "a"), ("cancelled", "b")]


@pytest.mark.parametrize(("contender", "cause"), [("fails", "ValueError"), ("after", "NoneType")])
def test_a_critical_task_that_ends_is_named_and_the_others_stop(world, module, contender, cause):
    asyncio = world.load("asyncio")
    dog = module.Dog()

    async def watch():
        supervisor = module.Supervisor(dog, module.Log())
        supervisor.start("steady", module.after(60_000, "steady"))
        ends = module.fails(450) if contender == "fails" else module.after(450, "done")
        supervisor.start("ends", ends)
        try:
            await supervisor.watch()
        except module.CriticalTaskEnded as end:
            await asyncio.sleep_ms(1)
            return end.name, type(end.cause).__name__

    assert world.run(watch()) == ("ends", cause)
    assert ("cancelled", "steady") in module.log
    assert 4 <= dog.fed <= 6


async def _rounds(module, asyncio, beat, rounds, every_ms):
    for _ in range(rounds):
        beat()
        await asyncio.sleep_ms(every_ms)
    await asyncio.Event().wait()


def test_a_task_that_waits_for_what_never_comes_is_noticed(world, module):
    asyncio = world.load("asyncio")
    dog = module.Dog()

    async def watch():
        supervisor = module.Supervisor(dog, module.Log())
        supervisor.start_beating(
            "steady", lambda beat: _rounds(module, asyncio, beat, 10_000, 900), 1000
        )
        supervisor.start_beating(
            "stuck", lambda beat: _rounds(module, asyncio, beat, 10, 1000), 5000
        )
        try:
            await supervisor.watch()
        except module.CriticalTaskEnded as end:
            return end.name, type(end.cause).__name__, str(end.cause)

    assert world.run(watch()) == ("stuck", "TaskStuck", "no progress for 5 s")
    assert ("critical task stuck", "TaskStuck") in module.log
    assert 135 <= dog.fed <= 145  # for nine seconds of beats and five of silence, every 100 ms


def test_a_wait_with_an_end_tells_whether_it_was_worth_it(world, module):
    asyncio = world.load("asyncio")
    set_within = world.load("kassa.system.tasks").set_within

    async def wait():
        event = asyncio.Event()
        before = await set_within(event, 50)
        event.set()
        return before, await set_within(event, 50)

    assert world.run(wait()) == (False, True)
