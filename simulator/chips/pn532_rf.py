"""The air side of the PN532: the field, the cards in it, and what passes at 106 kbit/s.

Sources: ISO/IEC 14443-3 (framing, timing, anticollision of types A and B), ISO/IEC 14443-4 (RATS,
ATTRIB, block protocol, waiting times), UM0701-02 (what the chip does by itself: RATS, chaining,
waiting time extension, retries). Everything that takes time is a generator that yields
nanoseconds and goes on when they have passed, so that an abort from the host or a card that
leaves takes effect at its moment, in the middle of a frame if need be. What a card must look like
is told in `simulator.chips.pn532_contact`.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import Any, TypeVar

from simulator.chips.pn532_contact import NS_PER_MS, Contact, cycles_ns
from simulator.clock import Clock

T = TypeVar("T")
Airtime = Generator[int, None, T]
"""Yields nanoseconds to wait; returns a T."""

ExchangeListener = Callable[[bytes, bytes | None, int, int], None]
"""(command, response or None when it was lost, start_ns, end_ns)"""

TIME_OUT, CRC_ERROR, INVALID_TARGET = 0x01, 0x02, 0x27
"""Status codes of UM0701-02 section 7.1."""

MORE = 0x40
"""The MI bit of a status byte and of a target number."""

MOST_DATA = 262
"""Bytes of card data in one host frame, beside code and target or status (UM0701-02 7.3.8)."""

TYPE_A, TYPE_B = 0x00, 0x03
"""BrTy of InListPassiveTarget: 106 kbit/s type A and type B."""

# How long the chip listens before it says that nobody answered.  The manual does not tell; modules
# answer an InListPassiveTarget without retries after some 5 ms.
ATTEMPT_NS = 5 * NS_PER_MS
_BLOCK_GAP_NS = 200_000  # either side's software between two blocks of a chain
_RATS_NS = 2 * NS_PER_MS  # a card's time for its ATS; ISO/IEC 14443-4 section 5.6 allows 4.8 ms
_READER_FSD = 64  # RATS and ATTRIB of the chip say so: its contactless FIFO has 64 bytes

_TO_READER_GAP_NS = cycles_ns(1236)  # frame delay times, ISO/IEC 14443-3 section 6.2.1
_TO_CARD_GAP_NS = cycles_ns(1172)


def frame_ns(count: int) -> int:
    """Air time of a standard frame of `count` bytes: start, nine bits a byte, end."""
    return cycles_ns((count * 9 + 2) * 128)


@dataclass
class Target:
    """What the chip remembers of an activated card.  Cards with one UID look like one to it."""

    number: int
    contacts: list[Contact]
    data: bytes  # as InListPassiveTarget reports it after the target's number
    type: int
    command: bytes = b""  # gathered from the host by the MI bit
    started_ns: int = 0
    gathering: bool = False
    response: bytes = b""  # still to be fetched by the host
    fetched: bytearray = field(default_factory=bytearray)
    asleep: bool = False  # deselected

    @property
    def first(self) -> Contact:
        return self.contacts[0]


class Air:
    """The field and everything in it.

    on_field(on)                                       the field came or went
    on_exchange(command, response, start_ns, end_ns)   an APDU went through, or was lost (None)
    """

    def __init__(self, clock: Clock, take_error: Callable[[], bool]) -> None:
        self.clock = clock
        self.on = False
        self.contacts: list[Contact] = []
        self.targets: list[Target] = []
        self.on_field: Callable[[bool], None] | None = None
        self.on_exchange: ExchangeListener | None = None
        self._take_error = take_error
        self.defaults()

    def defaults(self) -> None:
        """Settings after reset (UM0701-02 sections 7.2.9 and 7.3.1)."""
        self.activation_retries = 0xFF
        self.exchange_retries = 0
        self.automatic_rats = True
        self.targets = []

    # The field and who is in it.

    def switch(self, on: bool) -> None:
        """Turn the field on or off; cards in it lose their state either way."""
        if on == self.on:
            return
        self.on = on
        if not on:
            self.targets = []
        for contact in self.contacts:
            contact.power(self.clock.now_ns if on else None)
        if self.on_field:
            self.on_field(on)

    def present(self, card: Any) -> None:
        contact = Contact(card)
        self.contacts.append(contact)
        if self.on:
            contact.power(self.clock.now_ns)

    def remove(self, card: Any = None) -> None:
        for contact in [c for c in self.contacts if card is None or c.card is card]:
            self.contacts.remove(contact)
            contact.present = False
            contact.removed_ns = self.clock.now_ns
            if self.on:
                contact.power(None)

    # Finding cards: InListPassiveTarget.

    def list_targets(self, most: int, kind: int) -> Airtime[list[Target]]:
        """Activate up to `most` cards of one type; targets known before are given up."""
        for target in self.targets:
            self._halt(target)
        self.targets = []
        self.switch(True)
        attempts = self.activation_retries + 1
        while not self.targets and (self.activation_retries == 0xFF or attempts > 0):
            attempts -= 1
            yield from self._attempt(kind)
        if self.targets and most > 1:
            yield from self._attempt(kind)
        return self.targets

    def _attempt(self, kind: int) -> Airtime[None]:
        """One REQA or REQB, and the activation of one of those who answer."""
        start_ns = self.clock.now_ns
        yield frame_ns(1)
        now_ns = self.clock.now_ns
        answering = [c for c in self.contacts if c.ready(now_ns) and c.type_b == (kind == TYPE_B)]
        if not answering:
            yield max(0, start_ns + ATTEMPT_NS - now_ns)
        elif kind == TYPE_B:
            yield from self._activate_b(answering)
        else:
            yield from self._activate_a(answering)

    def _activate_a(self, answering: list[Contact]) -> Airtime[None]:
        yield _TO_READER_GAP_NS + frame_ns(2) + _TO_CARD_GAP_NS
        # Where UIDs differ the reader follows one branch; one more round for every other card.
        uids = {bytes(c.card.uid) for c in answering}
        uid = max(uids)
        for _ in range({4: 1, 7: 2, 10: 3}[len(uid)]):
            for _ in uids:
                yield frame_ns(2) + _TO_READER_GAP_NS + frame_ns(5) + _TO_CARD_GAP_NS
            yield frame_ns(9) + _TO_READER_GAP_NS + frame_ns(3) + _TO_CARD_GAP_NS
        chosen = [c for c in answering if bytes(c.card.uid) == uid and c.present]
        if not chosen or len({(c.atqa, c.sak) for c in chosen}) > 1:
            yield ATTEMPT_NS
            return
        for contact in chosen:
            contact.state = "active"
        first = chosen[0]
        data = first.atqa.to_bytes(2, "big") + bytes([first.sak, len(uid)]) + uid
        if first.iso_dep and self.automatic_rats:
            ats = yield from self._rats(chosen)
            if not ats:
                return
            data += ats
        self._add(chosen, data, TYPE_A)

    def _rats(self, chosen: list[Contact]) -> Airtime[bytes]:
        """RATS; the ATS, or b"" when none came or two different ones collided."""
        yield frame_ns(4) + _RATS_NS
        answers = {c.ats for c in chosen if c.present}
        yield frame_ns(max((len(ats) for ats in answers), default=0) + 2) + _TO_CARD_GAP_NS
        if len(answers) != 1 or not all(c.present for c in chosen) or self._take_error():
            return b""
        for contact in chosen:
            contact.state = "protocol"
        return answers.pop()

    def _activate_b(self, answering: list[Contact]) -> Airtime[None]:
        yield _TO_READER_GAP_NS + frame_ns(14) + _TO_CARD_GAP_NS
        atqb = answering[0].card.atqb
        if len(answering) > 1:
            yield ATTEMPT_NS  # ATQBs collide; slots are tried until one card is alone
        same = [c for c in answering if c.card.atqb == atqb]
        yield frame_ns(11) + _TO_READER_GAP_NS + frame_ns(3) + _TO_CARD_GAP_NS
        if not all(c.present for c in same):
            return
        for contact in same:
            contact.state = "protocol"
        self._add(same, bytes(atqb) + b"\x01\x00", TYPE_B)

    def _add(self, contacts: list[Contact], data: bytes, kind: int) -> None:
        self.targets.append(Target(len(self.targets) + 1, contacts, data, kind))

    # Talking to one: InDataExchange.

    def chosen(self, number: int) -> list[Target]:
        """The target with this number, all of them for 0; empty when there is none."""
        return [t for t in self.targets if number in (0, t.number)]

    def exchange(self, number: int, data: bytes, more: bool) -> Airtime[tuple[int, bytes]]:
        """Status byte (with the MI bit) and data of one InDataExchange."""
        found = self.chosen(number)
        if not number or not found or found[0].asleep:
            return INVALID_TARGET, b""
        target = found[0]
        if target.response and not data:
            return (yield from self._fetch(target))
        if not target.gathering:
            target.command = b""
            target.started_ns = self.clock.now_ns
        target.command += data
        target.gathering = more
        target.response = b""
        status = yield from self._send(target, data, more)
        if status:
            return self._lost(target, status)
        if more:
            return 0, b""
        status, target.response = yield from self._answer(target)
        if status:
            return self._lost(target, status)
        return (yield from self._fetch(target))

    def _send(self, target: Target, data: bytes, more: bool) -> Airtime[int]:
        """`data` in I-blocks of the card's frame size, each but the last answered by R(ACK)."""
        room = target.first.frame_size - 3
        while len(data) > room or more:
            status = yield from self._block(target, len(data[:room]), 0)
            data = data[room:]
            if status or not data:
                return status
        yield frame_ns(len(data) + 3)
        return 0

    def _block(self, target: Target, sent: int, received: int) -> Airtime[int]:
        """One block there and one back, repeated after an error as often as the chip is set to."""
        status = TIME_OUT
        for _ in range(self.exchange_retries + 1):
            yield frame_ns(sent + 3)
            if not self._there(target):
                yield target.first.waiting_time_ns
                status = TIME_OUT
                continue
            start_ns = self.clock.now_ns
            yield _TO_READER_GAP_NS + _BLOCK_GAP_NS + frame_ns(received + 3) + _TO_CARD_GAP_NS
            status = self._heard(target, start_ns)
            if not status:
                break
        return status

    def _answer(self, target: Target) -> Airtime[tuple[int, bytes]]:
        """The card thinks and sends the first block of its answer; (status, whole answer)."""
        waiting_ns = target.first.waiting_time_ns
        response, thinking_ns = self._ask(target)
        if thinking_ns > waiting_ns and not getattr(target.first.card, "wtx", True):
            response = None
        asked_ns = self.clock.now_ns
        end_ns = asked_ns + thinking_ns
        while response is not None and self.clock.now_ns < end_ns:
            # A slow card asks for more time with S(WTX) before each frame waiting time is over.
            asked_ns = self.clock.now_ns
            yield min(end_ns - asked_ns, waiting_ns)
            if not self._there(target):
                response = None
            elif self.clock.now_ns < end_ns:
                yield frame_ns(4) + _TO_CARD_GAP_NS + frame_ns(4) + _TO_READER_GAP_NS
        status = TIME_OUT
        for attempt in range(self.exchange_retries + 1):
            if attempt:
                yield _TO_CARD_GAP_NS + frame_ns(3)  # R(NAK)
                asked_ns = self.clock.now_ns
            if response is None or not self._there(target):
                yield max(0, asked_ns + waiting_ns - self.clock.now_ns)
                status = TIME_OUT
                continue
            start_ns = self.clock.now_ns
            yield _TO_READER_GAP_NS + frame_ns(min(len(response), _READER_FSD - 3) + 3)
            status = self._heard(target, start_ns)
            if not status:
                return 0, response
        return status, b""

    def _ask(self, target: Target) -> tuple[bytes | None, int]:
        """Every card of the target gets the command; no answer, or answers that collide: None."""
        if not self._there(target):
            return None, 0
        answers: set[bytes] = set()
        thinking_ns = 0
        for contact in target.contacts:
            thinking_ns = max(thinking_ns, contact.thinking_ns(target.command))
            try:
                answers.add(bytes(contact.card.transceive(target.command)))
            except Exception as error:
                if type(error).__name__ != "CardLost":
                    raise
                return None, 0
        return (answers.pop() if len(answers) == 1 else None), thinking_ns

    def _fetch(self, target: Target) -> Airtime[tuple[int, bytes]]:
        """The part of an answer that fits a host frame; the rest of it waits in the card."""
        part, rest = target.response[:MOST_DATA], target.response[MOST_DATA:]
        room = _READER_FSD - 3
        for at in range(room, len(part), room):
            status = yield from self._block(target, 0, len(part[at : at + room]))
            if status:
                return self._lost(target, status)
        target.response = rest
        target.fetched += part
        if rest:
            return MORE, part
        self._report(target, bytes(target.fetched))
        return 0, part

    def _there(self, target: Target) -> bool:
        alive = ("active", "protocol")
        return self.on and all(c.present and c.state in alive for c in target.contacts)

    def _heard(self, target: Target, start_ns: int) -> int:
        """Status of an answer that began at `start_ns` and has just ended."""
        if not self._there(target):
            return CRC_ERROR if any(c.removed_ns > start_ns for c in target.contacts) else TIME_OUT
        return CRC_ERROR if self._take_error() else 0

    def _lost(self, target: Target, status: int) -> tuple[int, bytes]:
        target.response = b""
        target.gathering = False
        self._report(target, None)
        return status, b""

    def _report(self, target: Target, response: bytes | None) -> None:
        target.fetched.clear()
        if self.on_exchange:
            self.on_exchange(target.command, response, target.started_ns, self.clock.now_ns)

    # Letting go: InDeselect, InSelect, InRelease, Diagnose 06.

    def deselect(self, targets: list[Target]) -> Airtime[None]:
        for target in targets:
            if not target.asleep:
                yield frame_ns(3) + _TO_READER_GAP_NS + frame_ns(3)
                self._halt(target)

    def _halt(self, target: Target) -> None:
        target.asleep = True
        for contact in target.contacts:
            if contact.present and contact.state != "off":
                contact.state = "halt"

    def select(self, target: Target) -> Airtime[int]:
        """WUPA, select and RATS of a card that was deselected."""
        if not target.asleep:
            return 0
        yield 3 * (frame_ns(9) + _TO_READER_GAP_NS + frame_ns(3) + _TO_CARD_GAP_NS)
        if not all(c.present and c.state == "halt" for c in target.contacts):
            yield ATTEMPT_NS
            return TIME_OUT
        for contact in target.contacts:
            contact.state = "active"
        if target.first.iso_dep and self.automatic_rats:
            ats = yield from self._rats(target.contacts)
            if not ats:
                return TIME_OUT
        target.asleep = False
        return 0

    def attention(self, target: Target) -> Airtime[int]:
        """R(NAK): does the card still answer?  (UM0701-02 section 7.2.1, test 06.)"""
        if target.asleep:
            return INVALID_TARGET
        return (yield from self._block(target, 0, 0))
