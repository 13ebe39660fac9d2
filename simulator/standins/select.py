"""`select`: polling of streams, as far as MicroPython has it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from simulator.clock import NS_PER_MS
from simulator.standins.seam import here

POLLIN = 1
POLLOUT = 4
POLLERR = 8
POLLHUP = 16

_POLL = 3
_ENOENT = 2


class poll:
    """A set of streams to wait for."""

    def __init__(self) -> None:
        self._streams: dict[int, list[Any]] = {}

    def register(self, obj: Any, eventmask: int = POLLIN | POLLOUT, /) -> None:
        if not hasattr(obj, "ioctl"):
            raise OSError(22)
        self._streams[id(obj)] = [obj, eventmask]

    def unregister(self, obj: Any, /) -> None:
        self._streams.pop(id(obj), None)

    def modify(self, obj: Any, eventmask: int, /) -> None:
        if id(obj) not in self._streams:
            raise OSError(_ENOENT)
        self._streams[id(obj)][1] = eventmask

    def poll(self, timeout: int = -1, /) -> list[tuple[Any, int]]:
        """[(stream, events)] once there are any, or after `timeout` milliseconds."""
        clock = here.clock
        end_ns = None if timeout < 0 else clock.now_ns + timeout * NS_PER_MS
        while True:
            ready = []
            for stream, mask in self._streams.values():
                events = stream.ioctl(_POLL, mask)
                if events:
                    ready.append((stream, events))
            due_ns = clock.next_due_ns()
            if ready or (end_ns is not None and clock.now_ns >= end_ns):
                return ready
            until_ns = min((ns for ns in (due_ns, end_ns) if ns is not None), default=None)
            if until_ns is None:
                raise RuntimeError("poll: nothing can happen any more")
            here.wait(until_ns - clock.now_ns)

    def ipoll(self, timeout: int = -1, flags: int = 0, /) -> Iterator[tuple[Any, int]]:
        return iter(self.poll(timeout))


__all__ = ["POLLERR", "POLLHUP", "POLLIN", "POLLOUT", "poll"]
