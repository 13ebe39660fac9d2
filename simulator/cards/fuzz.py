"""Cards that answer almost rightly: at random, or with one thing wrong at a time.

    card = Fuzzer(cards.load("visa_debit"), seed=7)  # some answers mutated; `done` says how
    for what, card in every_bit("visa_debit", exchange): ...
    for what, card in every_object("visa_debit", exchange): ...

`exchange` is a good tap of the same profile with the terminal under test, as (command, answer); a
mutation is made to the live answer of the same step, so that everything else stays right.
"""

from __future__ import annotations

import copy
import random
from collections.abc import Callable, Iterator, Sequence

from simulator.cards import ber, profiles
from simulator.cards.awkward import Awkward, Changed
from simulator.cards.card import Card

Exchange = Sequence[tuple[bytes, bytes | None]]
Place = tuple[int, ...]

CERTIFICATES_AND_SIGNATURES = (0x90, 0x92, 0x9F32, 0x93, 0x9F46, 0x9F48, 0x9F47, 0x9F4B)
"""The objects of which `every_bit` flips every bit."""

STATUS_WORDS = (0x6283, 0x6300, 0x6400, 0x6700, 0x6982, 0x6984, 0x6985, 0x6986, 0x6A81, 0x6A82)
STATUS_WORDS += (0x6A83, 0x6A88, 0x6D00, 0x6E00, 0x6F00, 0x6110, 0x9100, 0x0000, 0xFFFF)

_LONGEST = 4096  # more than any answer of a short APDU; a driver may refuse it earlier


# -- one thing at a time, systematically


def every_bit(
    profile: str, exchange: Exchange, wanted: Sequence[int] = CERTIFICATES_AND_SIGNATURES
) -> Iterator[tuple[str, Card]]:
    """The card of `profile` with one bit of one of its `wanted` objects flipped, for each bit."""
    for step, place, node in _nodes(exchange):
        if node.number not in wanted or node.constructed:
            continue
        for bit in range(8 * len(node.value)):
            what = f"step {step}: {node.number:X} bit {bit}"
            yield what, Changed(profiles.load(profile), step, _change(place, _flip(bit)))


def every_object(profile: str, exchange: Exchange) -> Iterator[tuple[str, Card]]:
    """The card of `profile` with one object dropped, doubled, contradicted, emptied or lengthened,
    for each object of each answer."""
    for step, place, node in _nodes(exchange):
        for name, edit in EDITS.items():
            what = f"step {step}: {node.number:X} {name}"
            yield what, Changed(profiles.load(profile), step, _change(place, edit))


def every_status(profile: str, exchange: Exchange) -> Iterator[tuple[str, Card]]:
    """The card of `profile` with the data of one answer under each of STATUS_WORDS, and without
    data under each."""
    for step, (_, answer) in enumerate(exchange):
        if answer is None:
            continue
        for sw in STATUS_WORDS:
            tail = sw.to_bytes(2, "big")
            for what, keep in ((f"{sw:04X}", 0), (f"{sw:04X} and data", len(answer) - 2)):
                changed = Changed(profiles.load(profile), step, _under(tail, keep))
                yield f"step {step}: {what}", changed


def _nodes(exchange: Exchange) -> Iterator[tuple[int, Place, ber.Node]]:
    for step, (_, answer) in enumerate(exchange):
        for place, node in ber.walk(ber.parse((answer or b"")[:-2])):
            yield step, place, node


def _under(tail: bytes, keep: int) -> Callable[[bytes], bytes]:
    return lambda answer: answer[:keep] + tail


def _change(place: Place, edit: Callable[[list[ber.Node], int], None]) -> Callable[[bytes], bytes]:
    """Apply `edit` to the object at `place` of an answer; lengths around it are made to fit."""

    def change(answer: bytes) -> bytes:
        tree = ber.parse(answer[:-2])
        siblings = tree
        for index in place[:-1]:
            siblings = siblings[index].children
        edit(siblings, place[-1])
        return ber.encode(tree) + answer[-2:]

    return change


def _flip(bit: int) -> Callable[[list[ber.Node], int], None]:
    def edit(siblings: list[ber.Node], index: int) -> None:
        value = bytearray(siblings[index].value)
        value[bit // 8] ^= 0x80 >> bit % 8
        siblings[index].value = bytes(value)

    return edit


def _dropped(siblings: list[ber.Node], index: int) -> None:
    del siblings[index]


def _doubled(siblings: list[ber.Node], index: int) -> None:
    siblings.insert(index, copy.deepcopy(siblings[index]))


def _contradicted(siblings: list[ber.Node], index: int) -> None:
    second = copy.deepcopy(siblings[index])
    for _, node in ber.walk([second]):
        if node.value:
            node.value = node.value[:-1] + bytes([node.value[-1] ^ 0x01])
    siblings.append(second)


def _emptied(siblings: list[ber.Node], index: int) -> None:
    siblings[index].value, siblings[index].children = b"", []


def _lengthened(siblings: list[ber.Node], index: int) -> None:
    node = siblings[index]
    if node.constructed:
        node.children.append(ber.Node(b"\xdf\x7f", b"\x00"))
    else:
        node.value += b"\x00"


EDITS: dict[str, Callable[[list[ber.Node], int], None]] = {
    "dropped": _dropped,
    "doubled": _doubled,
    "contradicted": _contradicted,
    "emptied": _emptied,
    "lengthened": _lengthened,
}
"""What `every_object` does to an object; "contradicted" adds a second one that says otherwise."""


# -- at random


class Fuzzer(Awkward):
    """Mutates answers at random from `seed`: each with a chance of `rate`, or just number `step`
    of a session.

    `done` lists the names of the mutations made, in order.
    """

    def __init__(self, card: Card, seed: int, rate: float = 0.3, step: int | None = None) -> None:
        super().__init__(card)
        self.done: list[str] = []
        self._random = random.Random(seed)
        self._rate = rate
        self._step = step
        self._count = 0

    def reset(self) -> None:
        super().reset()
        self._count = 0

    def transceive(self, command: bytes) -> bytes:
        answer = self.card.transceive(command)
        step, self._count = self._count, self._count + 1
        if self._step is not None:
            wanted = step == self._step
        else:
            wanted = self._random.random() < self._rate
        if not wanted:
            return answer
        name = self._random.choice(list(MUTATIONS))
        self.done.append(name)
        return MUTATIONS[name](self._random, answer)


def _bits(chance: random.Random, answer: bytes) -> bytes:
    changed = bytearray(answer)
    for _ in range(chance.randint(1, 8)):
        at = chance.randrange(len(changed))
        changed[at] ^= 1 << chance.randrange(8)
    return bytes(changed)


def _bytes(chance: random.Random, answer: bytes) -> bytes:
    changed = bytearray(answer)
    for _ in range(chance.randint(1, 4)):
        interesting = (0x00, 0x7F, 0x80, 0x81, 0x82, 0x84, 0xFF, 0x1F, 0x9F, chance.randrange(256))
        changed[chance.randrange(len(changed))] = chance.choice(interesting)
    return bytes(changed)


def _truncated(chance: random.Random, answer: bytes) -> bytes:
    return answer[: chance.randrange(len(answer))]


def _cut_data(chance: random.Random, answer: bytes) -> bytes:
    return answer[: chance.randrange(len(answer) - 1)] + answer[-2:]


def _extended(chance: random.Random, answer: bytes) -> bytes:
    return answer[:-2] + chance.randbytes(chance.randint(1, 300)) + answer[-2:]


def _padded(chance: random.Random, answer: bytes) -> bytes:
    return bytes(chance.randint(1, 8)) + answer[:-2] + bytes(chance.randint(1, 8)) + answer[-2:]


def _status(chance: random.Random, answer: bytes) -> bytes:
    sw = chance.choice((*STATUS_WORDS, chance.randrange(0x10000))).to_bytes(2, "big")
    return (answer[:-2] if chance.random() < 0.5 else b"") + sw


def _empty(chance: random.Random, answer: bytes) -> bytes:
    return b"" if chance.random() < 0.5 else answer[-2:]


def _noise(chance: random.Random, answer: bytes) -> bytes:
    return chance.randbytes(chance.randint(0, 300))


def _successful_noise(chance: random.Random, answer: bytes) -> bytes:
    return chance.randbytes(chance.randint(0, 254)) + b"\x90\x00"


def _giant(chance: random.Random, answer: bytes) -> bytes:
    body = bytes([chance.choice((0x6F, 0x70, 0x77, 0x80))])
    size = chance.randint(300, _LONGEST)
    return body + b"\x82" + size.to_bytes(2, "big") + bytes(size) + b"\x90\x00"


def _giant_length(chance: random.Random, answer: bytes) -> bytes:
    """A length field in the data that says much more than there is, or nothing definite."""
    body = bytearray(answer[:-2])
    at = chance.randrange(len(body) + 1)
    fields = (b"\x84\xff\xff\xff\xff", b"\x83\xff\xff\xff", b"\x82\xff\xff", b"\x81\xff", b"\x80")
    body[at : at + 1] = chance.choice((*fields, b"\xff", b"\x88" + b"\xff" * 8))
    return bytes(body) + answer[-2:]


def _deep(chance: random.Random, answer: bytes) -> bytes:
    body = answer[:-2][:40]
    for _ in range(chance.randint(3, 100)):
        body = b"\x70" + ber.length_field(len(body)) + body
    return body + b"\x90\x00"


def _edited(chance: random.Random, answer: bytes) -> bytes:
    """One of EDITS, to any object."""
    try:
        places = list(ber.walk(ber.parse(answer[:-2])))
    except ber.NotBer:
        return answer
    if not places:
        return answer
    place, _ = chance.choice(places)
    return _change(place, chance.choice(list(EDITS.values())))(answer)


def _rebuilt(answer: bytes, edit: Callable[[list[ber.Node]], object]) -> bytes:
    """The answer with its nodes after `edit`, lengths made to fit; one that is no TLV as it is."""
    try:
        tree = ber.parse(answer[:-2])
    except ber.NotBer:
        return answer
    nodes = [node for _, node in ber.walk(tree)]
    if nodes:
        edit(nodes)
    return ber.encode(tree) + answer[-2:]


def _values(nodes: list[ber.Node]) -> list[ber.Node]:
    return [node for node in nodes if not node.constructed]


def _shuffled(chance: random.Random, answer: bytes) -> bytes:
    """The objects of each template in another order."""

    def edit(nodes: list[ber.Node]) -> None:
        for node in nodes:
            chance.shuffle(node.children)

    return _rebuilt(answer, edit)


def _retagged(chance: random.Random, answer: bytes) -> bytes:
    """One object under another's tag."""

    def edit(nodes: list[ber.Node]) -> None:
        if values := _values(nodes):
            chance.choice(values).tag = chance.choice(values).tag

    return _rebuilt(answer, edit)


def _resized(chance: random.Random, answer: bytes) -> bytes:
    """One object with a value of another length, filled at random."""

    def edit(nodes: list[ber.Node]) -> None:
        lengths = (0, 1, 2, 3, 4, 8, 16, 19, 20, 32, 33, 127, 128, 200, 248, 249, 252)
        if values := _values(nodes):
            length = chance.choice(lengths)
            chance.choice(values).value = chance.randbytes(length)

    return _rebuilt(answer, edit)


MUTATIONS: dict[str, Callable[[random.Random, bytes], bytes]] = {
    "bits": _bits,
    "bytes": _bytes,
    "truncated": _truncated,
    "cut data": _cut_data,
    "extended": _extended,
    "padded": _padded,
    "status word": _status,
    "empty": _empty,
    "noise": _noise,
    "successful noise": _successful_noise,
    "giant": _giant,
    "giant length": _giant_length,
    "deep": _deep,
    "edited": _edited,
    "shuffled": _shuffled,
    "retagged": _retagged,
    "resized": _resized,
}
"""What a Fuzzer does to an answer, by name."""
