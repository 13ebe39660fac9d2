"""Cards that misbehave: each wraps another card and spoils one thing about it.

A wrapper is a card itself, so that they stack: `TornAfter(Slow(card, 500), 3)`.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

from simulator.cards.applet import MS
from simulator.cards.card import Card, CardLost


class Awkward:
    """Passes everything on to `card`; subclasses spoil something."""

    def __init__(self, card: Card) -> None:
        self.card = card
        self.name, self.title, self.scheme = card.name, card.title, card.scheme
        self.uid, self.atqa, self.sak, self.ats = card.uid, card.atqa, card.sak, card.ats

    @property
    def cards(self) -> Sequence[Card]:
        return (self,)

    @property
    def complaints(self) -> list[str]:
        """What the card itself noted of the terminal's mistakes."""
        return getattr(self.card, "complaints", [])

    def transceive(self, command: bytes) -> bytes:
        return self.card.transceive(command)

    def reset(self) -> None:
        self.card.reset()

    def response_time_ns(self, command: bytes) -> int:
        return self.card.response_time_ns(command)


class Garbage(Awkward):
    """Answers at random: any bytes of any length up to `longest`, from `seed`.

    `kind` "bytes" is noise; "success" is noise that ends in 9000; "mutated" is the card's own
    answer with some bytes changed.  With `step` only the answer to that command (counted from 0)
    is spoilt.
    """

    def __init__(
        self,
        card: Card,
        seed: int = 0,
        kind: str = "bytes",
        longest: int = 256,
        step: int | None = None,
    ) -> None:
        super().__init__(card)
        self._random = random.Random(seed)
        self._kind = kind
        self._longest = longest
        self._step = step
        self._count = 0

    def reset(self) -> None:
        super().reset()
        self._count = 0

    def transceive(self, command: bytes) -> bytes:
        answer = self.card.transceive(command)
        step, self._count = self._count, self._count + 1
        if self._step is not None and step != self._step:
            return answer
        if self._kind == "mutated":
            changed = bytearray(answer)
            for _ in range(self._random.randint(1, 3)):
                changed[self._random.randrange(len(changed))] = self._random.randrange(256)
            return bytes(changed)
        noise = self._random.randbytes(self._random.randint(0, self._longest))
        return noise + b"\x90\x00" if self._kind == "success" else noise


class TruncatedAt(Awkward):
    """Every answer ends after `length` bytes, status word and all."""

    def __init__(self, card: Card, length: int) -> None:
        super().__init__(card)
        self._length = length

    def transceive(self, command: bytes) -> bytes:
        return self.card.transceive(command)[: self._length]


class TornAfter(Awkward):
    """Leaves the field after `apdus` commands, or once `bytes_` bytes went to and fro.

    The card has carried out the command whose answer is lost.  It does so the first `times` times
    it is presented, always when that is None.
    """

    def __init__(
        self,
        card: Card,
        apdus: int | None = None,
        bytes_: int | None = None,
        times: int | None = None,
    ) -> None:
        super().__init__(card)
        self._apdus = apdus
        self._bytes = bytes_
        self._times = times
        self._count = 0
        self._carried = 0
        self._gone = False

    def reset(self) -> None:
        super().reset()
        self._count = self._carried = 0
        self._gone = False

    def transceive(self, command: bytes) -> bytes:
        if self._gone:
            raise CardLost("the card has left")
        answer = self.card.transceive(command)
        self._count += 1
        self._carried += len(command) + len(answer)
        torn = self._apdus is not None and self._count > self._apdus
        torn = torn or (self._bytes is not None and self._carried > self._bytes)
        if torn and self._times != 0:
            self._gone = True
            if self._times is not None:
                self._times -= 1
            raise CardLost("the card was pulled away")
        return answer


class Slow(Awkward):
    """Takes `milliseconds` longer for every command than it should: waiting time extensions."""

    def __init__(self, card: Card, milliseconds: int) -> None:
        super().__init__(card)
        self._milliseconds = milliseconds

    def response_time_ns(self, command: bytes) -> int:
        return self.card.response_time_ns(command) + self._milliseconds * MS


class Changed(Awkward):
    """Answers command number `step` (from 0, in each session) as `change` makes of its answer."""

    def __init__(self, card: Card, step: int, change: Callable[[bytes], bytes]) -> None:
        super().__init__(card)
        self._step = step
        self._change = change
        self._count = 0

    def reset(self) -> None:
        super().reset()
        self._count = 0

    def transceive(self, command: bytes) -> bytes:
        answer = self.card.transceive(command)
        self._count += 1
        return self._change(answer) if self._count == self._step + 1 else answer


class StatusWord(Changed):
    """Answers command number `step` with the bare status word `sw`."""

    def __init__(self, card: Card, sw: int, step: int) -> None:
        super().__init__(card, step, lambda answer: sw.to_bytes(2, "big"))


class Several:
    """More than one card in one hand.  Whoever has no anti-collision meets the first."""

    def __init__(self, name: str, title: str, cards: Sequence[Card]) -> None:
        self.name, self.title, self.scheme = name, title, ""
        self.cards: Sequence[Card] = tuple(cards)
        first = cards[0]
        self.uid, self.atqa, self.sak, self.ats = first.uid, first.atqa, first.sak, first.ats

    def transceive(self, command: bytes) -> bytes:
        return self.cards[0].transceive(command)

    def reset(self) -> None:
        for card in self.cards:
            card.reset()

    def response_time_ns(self, command: bytes) -> int:
        return self.cards[0].response_time_ns(command)
