"""Which answer belongs to which request, also when it comes too late.

An answer names its request by message type and STAN.  It is believed only if it is authentic under
the key that went with that request; everything else is reported and dropped.
"""

import asyncio
from typing import TYPE_CHECKING

from micropython import const

from kassa.host import iso8583, wire
from kassa.host.errors import BadAnswer, NotSent

if TYPE_CHECKING:
    from collections.abc import Callable

    from kassa.host.errors import HostError
    from kassa.host.messages import Request
    from kassa.security.dukpt import TransactionKeys
    from kassa.system.log import Log

    Answer = dict[int, str | bytes]

_LATE_REMEMBERED = const(8)


class Waiting:
    """A request on its way, and its answer or its error once there is one."""

    def __init__(self, request: "Request", keys: "TransactionKeys | None") -> None:
        self.request = request
        self.keys = keys
        self.name = request.answer_mti, request.stan
        self.answer: "Answer | None" = None
        self.error: "HostError | None" = None
        self.done = asyncio.Event()

    def check(self, message: memoryview, answer: "Answer") -> None:
        """Raise BadAnswer unless `answer` is the authentic answer to this request."""
        key = None if self.keys is None else self.keys.mac_response_key
        wire.check_answer(self.request, message, answer, key)

    def finish(self, answer: "Answer | None", error: "HostError | None") -> None:
        self.answer = answer
        self.error = error
        self.done.set()


class Matcher:
    """All requests that wait, and the last few that gave up waiting.

    on_late   called with the fields of an authentic answer to one of those, or None
    """

    def __init__(self, log: "Log") -> None:
        self.on_late: "Callable[[Answer], None] | None" = None
        self._log = log
        self._waiting: "dict[tuple[str, str], Waiting]" = {}
        self._late: "list[Waiting]" = []

    @property
    def idle(self) -> bool:
        """Whether nobody waits for an answer."""
        return not self._waiting

    def expect(self, waiting: Waiting) -> None:
        """Its answer may come from now on.  NotSent when one of that name is on its way."""
        if waiting.name in self._waiting:
            raise NotSent("the same request is on its way already")
        self._waiting[waiting.name] = waiting

    def give_up(self, waiting: Waiting) -> None:
        """Nobody waits any more.  A signed request without an answer is remembered for a while."""
        self._waiting.pop(waiting.name, None)
        if waiting.keys is None:
            return
        if waiting.answer is not None:
            waiting.keys.wipe()
            return
        self._late.append(waiting)
        if len(self._late) > _LATE_REMEMBERED:
            forgotten = self._late.pop(0)
            forgotten.keys.wipe()  # type: ignore[union-attr]

    def hand_out(self, message: memoryview) -> None:
        """A message came.  Raises FormatError when it is none."""
        mti, answer = iso8583.decode(message)
        stan = answer.get(11, "")
        name = mti, stan
        waiting = self._waiting.get(name)  # type: ignore[arg-type]
        if waiting is not None:
            try:
                waiting.check(message, answer)
                waiting.finish(answer, None)
            except BadAnswer as error:
                self._log.trouble("host", "bad answer", error, mti=mti, stan=stan)
                waiting.finish(None, error)
            return
        for index, late in enumerate(self._late):
            if late.name == name:
                try:
                    late.check(message, answer)
                except BadAnswer:
                    continue
                self._late.pop(index)
                self._log.event("host", "late answer", mti=mti, stan=stan)
                if self.on_late is not None:
                    self.on_late(answer)
                return
        self._log.event("host", "unmatched answer", mti=mti, stan=stan)

    def fail_all(self, error: "HostError") -> None:
        """No answer will come to anybody."""
        for waiting in list(self._waiting.values()):
            if not waiting.done.is_set():
                waiting.finish(None, error)
