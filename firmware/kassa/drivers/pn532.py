"""The contactless reader: an NXP PN532 and the card in front of it.

    reader = PN532(Pn532Spi(spi, cs, irq, reset))
    await reader.start()
    card = await reader.discover(1000)
    if card:
        answer = await card.transceive(apdu)
    await reader.field(False)

The PN532 does the lower layers by itself: anticollision, RATS, the block protocol of ISO/IEC
14443-4 with its chaining, waiting time extensions and repetitions.  Sources: UM0701-02 (user
manual, firmware 1.6).
"""

import asyncio
import time
from typing import TYPE_CHECKING

from micropython import const

from kassa.drivers.pn532_card import ContactlessCard, type_a, type_b
from kassa.drivers.pn532_dialogue import ANSWER_MS, Dialogue
from kassa.drivers.pn532_errors import FrameError, ReaderFault, ReaderNotFound
from kassa.drivers.pn532_frames import LONGEST_DATA
from kassa.system.card import CardLost, ProtocolError, TransmissionError, TwoCards

if TYPE_CHECKING:
    from kassa.drivers.pn532_transport import Transport
    from kassa.system.log import Log

# Command codes, UM0701-02 table 12.
_DIAGNOSE = const(0x00)
_GET_FIRMWARE_VERSION = const(0x02)
_SET_PARAMETERS = const(0x12)
_SAM_CONFIGURATION = const(0x14)
_POWER_DOWN = const(0x16)
_RF_CONFIGURATION = const(0x32)
_IN_DATA_EXCHANGE = const(0x40)
_IN_LIST_PASSIVE_TARGET = const(0x4A)

_IC_PN532 = const(0x32)
_VERSION = const(1)
_NORMAL_MODE = const(0x01)
_USE_IRQ = const(0x01)
_VIRTUAL_CARD_TIMEOUT = const(0x14)
_AUTOMATIC_ATR_AND_RATS = const(0x14)
_ATTENTION_REQUEST = const(0x06)
_WAKE_BY_LINK = const(0xB0)  # I2C, SPI, HSU

# RFConfiguration items, section 7.3.1.
_RF_FIELD = const(0x01)
_TIMINGS = const(0x02)
_EXCHANGE_RETRIES = const(0x04)
_ACTIVATION_RETRIES = const(0x05)

_TYPE_A = const(0x00)
_TYPE_B = const(0x03)
_ALL_FAMILIES = const(0x00)  # AFI of REQB

_MORE = const(0x40)  # MI bit of target number and status
_ERROR_MASK = const(0x3F)
_MOST_EXCHANGED = LONGEST_DATA - 2  # beside code and target number
_LONGEST_ANSWER = const(263)

_CARD_GONE = (0x01, 0x27, 0x29, 0x2B)  # time-out, no such target, released, disappeared
_CARD_WRONG = (0x0B, 0x12, 0x13, 0x2E)  # RF protocol error, wrong format

_MOST_STARTS = const(3)
_FIELD_OFF_MS = const(6)  # EMV contactless: a reset of the field lasts at least 5.1 ms
_POWER_UP_MS = const(6)  # a card answers 5 ms after its power came (ISO/IEC 14443-3, section 5)
_LONGEST_ANSWERING_MS = const(3_000)
_REMOVAL_POLL_MS = const(50)
_ABSENT_POLLS = const(3)


class PN532:
    """The reader behind `transport`: `Pn532Spi`, `Pn532I2c` or `Pn532Hsu`.

    One task at a time may use it.
    `card` is the card it talks to, None when there is none (any more).
    Errors are ReaderFault and its children; after one of them, the next use starts the chip anew.
    """

    def __init__(self, transport: "Transport", log: "Log | None" = None) -> None:
        self.card = None  # type: ContactlessCard | None
        self._dialogue = Dialogue(transport)
        self._command = self._dialogue.command
        self._log = log
        self._field_on = False
        self._fresh = False  # nothing was activated since the field came on

    # Life of the chip.

    async def start(self) -> "tuple[int, int, int, int]":
        """Wake the chip and set it up; (IC, version, revision, support) of GetFirmwareVersion.

        Raises ReaderNotFound when no PN532 answers.
        """
        self.card = None
        self._field_on = False
        for _ in range(_MOST_STARTS):
            try:
                await self._dialogue.open()
                return await self._configure()
            except ReaderNotFound:
                self._dialogue.close()
                raise
            except ReaderFault as error:
                self._note("reader did not start", error)
        raise ReaderNotFound("no card reader answers; check its wiring and its interface switches")

    async def _configure(self) -> "tuple[int, int, int, int]":
        # SAMConfiguration ends the low battery mode, so it comes first.
        await self._command(_SAM_CONFIGURATION, (_NORMAL_MODE, _VIRTUAL_CARD_TIMEOUT, _USE_IRQ))
        says = await self._command(_GET_FIRMWARE_VERSION)
        if len(says) != 4:
            raise FrameError("the reader's version has the wrong length")
        version = (says[0], says[1], says[2], says[3])
        if version[0] != _IC_PN532 or version[1] != _VERSION:
            raise ReaderNotFound("an unknown card reader answers: %02x %d.%d" % version[:3])
        await self._command(_SET_PARAMETERS, (_AUTOMATIC_ATR_AND_RATS,))
        await self._command(_RF_CONFIGURATION, (_TIMINGS, 0x00, 0x0B, 0x0A))
        # Two repetitions on the air, as EMV contactless book D asks of a reader.
        await self._command(_RF_CONFIGURATION, (_EXCHANGE_RETRIES, 0x02))
        # One try a command: the loop in `discover` goes round instead, types A and B in turn.
        await self._command(_RF_CONFIGURATION, (_ACTIVATION_RETRIES, 0xFF, 0x01, 0x00))
        await self._switch(False)
        return version

    async def stop(self) -> None:
        """Field off, chip asleep; `start` or any use wakes it.  Never raises."""
        await self.field(False)
        try:
            if self._dialogue.open_now:
                await self._command(_POWER_DOWN, (_WAKE_BY_LINK,))
        except ReaderFault as error:
            self._note("reader did not stop", error)
        self._dialogue.close()

    async def field(self, on: bool) -> None:
        """Turn the field on or off; a card in it loses its power and its state with it.

        Turning it off never raises: a reader that does not obey is reset before its next use.
        """
        self.card = None
        try:
            if not self._dialogue.open_now:
                await self.start()
            await self._switch(on)
        except ReaderFault as error:
            if on:
                raise
            self._note("field stays on", error)

    async def _switch(self, on: bool) -> None:
        self.card = None
        await self._command(_RF_CONFIGURATION, (_RF_FIELD, 1 if on else 0))
        self._field_on = on
        self._fresh = True

    # Finding cards.

    async def discover(self, timeout_ms: int) -> "ContactlessCard | None":
        """Wait for a card; None when there was none for `timeout_ms`.  The field stays on.

        Polls types A and B in turn without a pause, some 6 ms each.  Raises TwoCards when several
        answer, ReaderFault when the reader does not work even after a restart.  May be cancelled.
        A type B card beside a type A card is noticed only if polling meets it first.
        """
        deadline = time.ticks_add(time.ticks_ms(), timeout_ms)
        try:
            return await self._poll(timeout_ms)
        except ReaderNotFound:
            raise
        except ReaderFault as error:
            self._note("reader restarts", error)
        return await self._poll(time.ticks_diff(deadline, time.ticks_ms()))

    async def _poll(self, timeout_ms: int) -> "ContactlessCard | None":
        deadline = time.ticks_add(time.ticks_ms(), timeout_ms)
        await self._renew_field()
        while True:
            # B before A: the usual card, type A, is not left once it is found.
            found = await self._list(_TYPE_B, 1)
            if found is not None:
                await self._renew_field()
                if await self._list(_TYPE_A, 1) is not None:
                    raise TwoCards("a type A and a type B card")
                await self._renew_field()
                found = await self._list(_TYPE_B, 1)
            else:
                found = await self._list(_TYPE_A, 2)
            if found is not None or time.ticks_diff(deadline, time.ticks_ms()) <= 0:
                self.card = found
                return found

    async def _renew_field(self) -> None:
        """Field on, and every card in it as if it had just come."""
        self.card = None
        if not self._dialogue.open_now:
            await self.start()
        if self._field_on and not self._fresh:
            await self._switch(False)
            await asyncio.sleep_ms(_FIELD_OFF_MS)
        if not self._field_on:
            await self._switch(True)
            await asyncio.sleep_ms(_POWER_UP_MS)

    async def _list(self, kind: int, most: int) -> "ContactlessCard | None":
        """InListPassiveTarget (section 7.3.5): the card found, None for none, TwoCards for two."""
        fresh = self._fresh
        self._fresh = False  # so it stays when this is cancelled
        parameters = (most, kind, _ALL_FAMILIES) if kind == _TYPE_B else (most, kind)
        targets = await self._command(_IN_LIST_PASSIVE_TARGET, parameters)
        if not len(targets):
            raise FrameError("the reader's list of cards is empty")
        if targets[0] == 0:
            self._fresh = fresh
            return None
        if targets[0] > 1:
            raise TwoCards("more than one card")
        try:
            return type_b(self, targets) if kind == _TYPE_B else type_a(self, targets)
        except IndexError:
            raise FrameError("the reader's list of cards breaks off")

    # Talking to the card.

    async def exchange(self, card: ContactlessCard, apdu: bytes) -> bytes:
        """What `ContactlessCard.transceive` does."""
        if self.card is not card:
            raise CardLost("the card is not selected any more")
        if not card.iso_dep:
            raise ProtocolError("the card does not speak ISO/IEC 14443-4")
        try:
            answer = await self._exchange(card, apdu)
        except asyncio.CancelledError:
            self.card = None  # in the middle of a block: it can only be activated anew
            raise
        except ReaderFault as error:
            self.card = None
            self._note("exchange failed", error)
            raise TransmissionError("the reader failed during an exchange")
        if answer is None:
            raise CardLost("the card does not answer any more")
        return answer

    async def _exchange(self, card: ContactlessCard, apdu: bytes) -> "bytes | None":
        while len(apdu) > _MOST_EXCHANGED:
            part = await self._pass(card, card.number | _MORE, apdu[:_MOST_EXCHANGED])
            if part is None:
                return None
            apdu = apdu[_MOST_EXCHANGED:]
        part = await self._pass(card, card.number, apdu)
        if part is None or not part[0] & _MORE:
            return None if part is None else bytes(part[1:])
        answer = bytearray(part[1:])
        while part[0] & _MORE:
            part = await self._pass(card, card.number, b"")
            if part is None:
                return None
            answer.extend(part[1:])
            if len(answer) > _LONGEST_ANSWER:
                self.card = None
                raise ProtocolError("the card's answer is too long")
        return bytes(answer)

    async def _pass(self, card: ContactlessCard, target: int, data: bytes) -> "memoryview | None":
        """One InDataExchange (section 7.3.8): status byte and data; None when the card is gone."""
        limit_ms = _LONGEST_ANSWERING_MS + 3 * card.waiting_ms
        answer = await self._command(_IN_DATA_EXCHANGE, (target,), data, limit_ms, once=True)
        if not len(answer):
            raise FrameError("the reader's answer has no status")
        error = answer[0] & _ERROR_MASK
        if not error:
            return answer
        self.card = None
        if error in _CARD_GONE:
            return None
        if error in _CARD_WRONG:
            raise ProtocolError("the card breaks the protocol (reader's code %02x)" % error)
        raise TransmissionError("transmission error (reader's code %02x)" % error)

    async def is_present(self, card: ContactlessCard) -> bool:
        """What `ContactlessCard.present` does: Diagnose, attention request (section 7.2.1)."""
        if self.card is not card:
            return False
        try:
            limit_ms = ANSWER_MS + 4 * card.waiting_ms
            status = await self._command(_DIAGNOSE, (_ATTENTION_REQUEST,), b"", limit_ms)
        except ReaderFault as error:
            self._note("presence check failed", error)
            status = b"\xff"
        if len(status) != 1 or status[0]:
            self.card = None
        return self.card is card

    async def removed(self, timeout_ms: int) -> bool:
        """Wait until no card is left in the field; False when one still is after `timeout_ms`.

        Raises ReaderFault.  The field stays on.
        """
        deadline = time.ticks_add(time.ticks_ms(), timeout_ms)
        absent = 0
        while absent < _ABSENT_POLLS:
            card = self.card
            if (card is None or not await self.is_present(card)) and not await self._anyone():
                absent += 1
                continue
            absent = 0
            if time.ticks_diff(deadline, time.ticks_ms()) <= 0:
                return False
            await asyncio.sleep_ms(_REMOVAL_POLL_MS)
        return True

    async def _anyone(self) -> bool:
        """Whether any card at all answers."""
        await self._renew_field()
        try:
            return (
                await self._list(_TYPE_A, 1) is not None
                or await self._list(_TYPE_B, 1) is not None
            )
        except TwoCards:
            return True

    def _note(self, what: str, error: Exception) -> None:
        if self._log is not None:
            self._log.trouble("reader", what, error)
