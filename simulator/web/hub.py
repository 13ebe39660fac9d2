"""Everyone who looks at the terminal: each page has a queue, so that a slow one delays nobody."""

from __future__ import annotations

import asyncio
import json
from typing import Any

Message = dict[str, Any]
Queue = asyncio.Queue[str | None]

_LONGEST_QUEUE = 4096


class Hub:
    """Sends each message to every page.  One that falls far behind is let go; it comes back."""

    def __init__(self) -> None:
        self._queues: set[Queue] = set()

    def join(self, first: list[Message]) -> Queue:
        """A page comes: its queue holds `first`, then all that is sent; None means let go."""
        queue: Queue = asyncio.Queue(_LONGEST_QUEUE)
        for message in first:
            queue.put_nowait(_text(message))
        self._queues.add(queue)
        return queue

    def leave(self, queue: Queue) -> None:
        self._queues.discard(queue)

    def send(self, message: Message) -> None:
        """Queue `message` for every page."""
        text = _text(message)
        for queue in tuple(self._queues):
            try:
                queue.put_nowait(text)
            except asyncio.QueueFull:
                self._let_go(queue)

    def close(self) -> None:
        """Let every page go."""
        for queue in tuple(self._queues):
            self._let_go(queue)

    def _let_go(self, queue: Queue) -> None:
        self.leave(queue)
        while not queue.empty():
            queue.get_nowait()
        queue.put_nowait(None)


def _text(message: Message) -> str:
    return json.dumps(message, separators=(",", ":"), ensure_ascii=False)
