"""Scenes for `test_asyncio.py`: each prints what happens, on the stand-ins and on MicroPython
alike.

Times are far enough apart for a real clock.  Nothing here may print what differs by language only
(the repr of an exception).
"""

# On MicroPython asyncio's TimeoutError is its own.
# ruff: noqa: UP041

import asyncio


async def sleeper(name, ms, result=None, fail=None):
    try:
        await asyncio.sleep_ms(ms)
        if fail:
            raise fail
        print(name, "done")
        return result
    except asyncio.CancelledError:
        print(name, "cancelled")
        raise
    finally:
        print(name, "finally")


async def scene_tasks_take_turns():
    async def turns(name):
        for turn in range(3):
            print(name, turn)
            await asyncio.sleep_ms(0)

    for task in [asyncio.create_task(turns(name)) for name in "abc"]:
        await task


async def scene_wait_for():
    print(await asyncio.wait_for_ms(sleeper("quick", 5, 7), 100))
    try:
        await asyncio.wait_for_ms(sleeper("slow", 500), 20)
    except asyncio.TimeoutError:
        print("timeout")
    try:
        await asyncio.wait_for_ms(sleeper("failing", 5, fail=ValueError("x")), 100)
    except ValueError as error:
        print("error", error)
    print(await asyncio.wait_for(sleeper("without limit", 5, 8), None))
    for ms in (5, 200):
        try:
            print(await asyncio.wait_for(sleeper("seconds", ms, ms), 0.1))
        except asyncio.TimeoutError:
            print(ms, "timeout")


async def scene_wait_for_cancelled_from_outside():
    async def outer():
        try:
            await asyncio.wait_for_ms(sleeper("inner", 500), 250)
        except asyncio.CancelledError:
            print("outer cancelled")
            raise
        finally:
            print("outer finally")

    task = asyncio.create_task(outer())
    await asyncio.sleep_ms(10)
    print(task.cancel())
    try:
        await task
    except asyncio.CancelledError:
        print("main saw it")
    await asyncio.sleep_ms(10)


async def scene_a_cancelled_waiter_that_sleeps_is_cancelled_twice():
    # A weakness of MicroPython's wait_for that the firmware has to live with.
    async def outer():
        try:
            await asyncio.wait_for_ms(sleeper("inner", 500), 250)
        except asyncio.CancelledError:
            print("cleaning")
            try:
                await asyncio.sleep_ms(50)
                print("cleaned")
            except asyncio.CancelledError:
                print("cancelled again")

    task = asyncio.create_task(outer())
    await asyncio.sleep_ms(10)
    task.cancel()
    await asyncio.sleep_ms(100)
    print(task.done())


async def scene_gather():
    print(await asyncio.gather(sleeper("a", 30, 1), sleeper("b", 5, 2)))
    print(await asyncio.gather())
    finished = asyncio.create_task(sleeper("early", 1, 5))
    await asyncio.sleep_ms(30)
    print(await asyncio.gather(finished, sleeper("late", 1, 6)))


async def scene_gather_with_errors():
    try:
        await asyncio.gather(sleeper("c", 5, fail=ValueError("c")), sleeper("d", 50, 2))
    except ValueError as error:
        print("raised", error)
    await asyncio.sleep_ms(100)
    failing = sleeper("e", 5, fail=ValueError("e"))
    results = await asyncio.gather(failing, sleeper("f", 30, 2), return_exceptions=True)
    print(type(results[0]).__name__, results[1])


async def scene_gather_cancelled():
    async def gathering():
        try:
            await asyncio.gather(sleeper("g", 500), sleeper("h", 500))
        except asyncio.CancelledError:
            print("gathering cancelled")
            raise

    task = asyncio.create_task(gathering())
    await asyncio.sleep_ms(10)
    task.cancel()
    await asyncio.sleep_ms(30)
    print(task.done())


async def scene_event():
    event = asyncio.Event()

    async def waiter(name):
        print(name, await event.wait())

    tasks = [asyncio.create_task(waiter(name)) for name in range(3)]
    await asyncio.sleep_ms(5)
    print(event.is_set())
    event.set()
    print(event.is_set())
    tasks[1].cancel()
    await asyncio.sleep_ms(10)
    event.clear()
    try:
        await asyncio.wait_for_ms(event.wait(), 10)
    except asyncio.TimeoutError:
        print("timeout")


async def scene_lock():
    lock = asyncio.Lock()

    async def user(name, ms):
        print(name, "wants", lock.locked())
        async with lock:
            print(name, "has")
            await asyncio.sleep_ms(ms)
        print(name, "gave")

    tasks = [asyncio.create_task(user(name, 20)) for name in range(4)]
    await asyncio.sleep_ms(5)
    tasks[1].cancel()
    tasks[2].cancel()
    await asyncio.sleep_ms(100)
    print(lock.locked())
    try:
        lock.release()
    except RuntimeError as error:
        print(error)


async def scene_a_lock_handed_to_a_cancelled_task_goes_on():
    lock = asyncio.Lock()

    async def user(name):
        async with lock:
            print(name, "has")

    await lock.acquire()
    first, second = asyncio.create_task(user("x")), asyncio.create_task(user("y"))
    await asyncio.sleep_ms(5)
    lock.release()
    first.cancel()
    print(lock.locked())
    await asyncio.sleep_ms(20)
    print(lock.locked(), second.done())


async def scene_an_error_that_nobody_fetches_goes_to_the_handler():
    loop = asyncio.get_event_loop()

    def handler(loop, context):
        print(context["message"], context["exception"], sorted(context))

    loop.set_exception_handler(handler)

    async def failing():
        raise ValueError("bad")

    task = asyncio.create_task(failing())
    await asyncio.sleep_ms(10)
    print(task.done())
    try:
        await task
    except ValueError as error:
        print("awaited later", error)
    try:
        await asyncio.create_task(failing())
    except ValueError as error:
        print("awaited in time", error)
    task = asyncio.create_task(sleeper("cancelled", 500))
    await asyncio.sleep_ms(5)
    task.cancel()
    await asyncio.sleep_ms(5)
    loop.set_exception_handler(None)
    print(loop.get_exception_handler() is None)


async def scene_cancel():
    task = asyncio.create_task(sleeper("never begun", 5))
    print(task.cancel(), task.cancel())
    await asyncio.sleep_ms(5)
    print(task.done(), task.cancel())
    try:
        asyncio.current_task().cancel()
    except RuntimeError as error:
        print(error)


async def scene_cancel_reaches_the_task_that_is_awaited():
    leaf = asyncio.create_task(sleeper("leaf", 500))

    async def middle():
        try:
            await leaf
        except asyncio.CancelledError:
            print("middle sees it")
            raise

    task = asyncio.create_task(middle())
    await asyncio.sleep_ms(5)
    task.cancel()
    await asyncio.sleep_ms(10)
    print(leaf.done(), task.done())


async def scene_a_task_may_refuse_to_be_cancelled():
    async def stubborn():
        try:
            await asyncio.sleep_ms(500)
        except asyncio.CancelledError:
            print("no")
        await asyncio.sleep_ms(10)
        return 3

    task = asyncio.create_task(stubborn())
    await asyncio.sleep_ms(5)
    task.cancel()
    print(await task)
    try:
        print(await asyncio.wait_for_ms(stubborn(), 20))
    except asyncio.TimeoutError:
        print("timeout all the same")


async def scene_several_await_one_task():
    task = asyncio.create_task(sleeper("awaited", 20, 9))

    async def waiter(name):
        print(name, await task)

    waiters = [asyncio.create_task(waiter(name)) for name in (1, 2)]
    await asyncio.sleep_ms(60)
    print(await task, await task, task.done(), len(waiters))


async def scene_thread_safe_flag():
    flag = asyncio.ThreadSafeFlag()

    async def waiter(name):
        await flag.wait()
        print(name, "flag")

    task = asyncio.create_task(waiter(1))
    await asyncio.sleep_ms(5)
    flag.set()
    await asyncio.sleep_ms(10)
    print(task.done())
    flag.set()
    flag.set()
    await flag.wait()
    print("cleared by waiting")
    flag.set()
    flag.clear()
    try:
        await asyncio.wait_for_ms(flag.wait(), 10)
    except asyncio.TimeoutError:
        print("timeout")
    task = asyncio.create_task(waiter(2))
    await asyncio.sleep_ms(5)
    task.cancel()
    await asyncio.sleep_ms(5)
    flag.set()
    await flag.wait()
    print("a cancelled waiter leaves no trace")


async def scene_what_is_no_coroutine_is_no_task():
    for thing in (
        lambda: asyncio.create_task(asyncio.sleep_ms(1)),
        lambda: asyncio.create_task(5),
    ):
        try:
            thing()
        except TypeError as error:
            print(error)
    print(issubclass(asyncio.CancelledError, Exception))
    print(issubclass(asyncio.TimeoutError, Exception), issubclass(asyncio.TimeoutError, OSError))


async def scene_streams_over_an_object_with_ioctl():
    import io

    class Line(io.IOBase):
        def __init__(self):
            self.incoming = b""
            self.sent = b""
            self.room = 4

        def ioctl(self, request, flags):
            if request != 3:
                return -1
            return (1 if self.incoming else 0) & flags | (4 if self.room else 0) & flags

        def read(self, size=-1):
            if not self.incoming:
                return None
            size = len(self.incoming) if size < 0 else size
            part, self.incoming = self.incoming[:size], self.incoming[size:]
            return part

        def write(self, data):
            part = bytes(data[: self.room])
            self.sent += part
            self.room -= len(part)
            return len(part) if part else None

    line = Line()
    reader, writer = asyncio.StreamReader(line), asyncio.StreamWriter(line, {})

    async def other_end():
        await asyncio.sleep_ms(10)
        line.incoming = b"abc"
        await asyncio.sleep_ms(10)
        line.incoming += b"def"
        await asyncio.sleep_ms(10)
        line.room = 100

    other = asyncio.create_task(other_end())
    writer.write(b"123456789")
    print(line.sent)
    print(await reader.readexactly(5))
    await writer.drain()
    print(line.sent)
    print(await reader.read(10))
    try:
        await asyncio.wait_for_ms(reader.read(1), 20)
    except asyncio.TimeoutError:
        print("nothing more", other.done())


def main():
    # Sorted, since a module's names have no order on MicroPython.
    for name in sorted(globals()):
        if name.startswith("scene_"):
            print("==", name)
            asyncio.run(globals()[name]())
            asyncio.new_event_loop()


main()
