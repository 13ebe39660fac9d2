"""The host side of the PN532: frames, and the three links that carry them.

Sources: UM0701-02 section 6.2 (frames and dialogue), PN532/C1 data sheet (SPI, I2C and HSU
interfaces, wake-up). This codec is written from the manual apart from the firmware's own, so that
each checks the other.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from simulator.chips.buses import DataSheetViolation, UartWire

ACK = bytes.fromhex("0000ff00ff00")
NACK = bytes.fromhex("0000ffff0000")
SYNTAX_ERROR = bytes.fromhex("0000ff01ff7f8100")

MOST_PACKET_DATA = 265  # TFI included, UM0701-02 section 6.2.1.2
_TO_CHIP, _TO_HOST = 0xD4, 0xD5

_BITS_A_CHARACTER = 10
_REVERSED = bytes(int(f"{value:08b}"[::-1], 2) for value in range(256))


def information_frame(payload: bytes, tfi: int = _TO_HOST) -> bytes:
    """The frame around `payload` (code and parameters): normal up to 255 bytes, else extended."""
    body = bytes([tfi]) + payload
    size = len(body)
    if size <= 255:
        head = bytes([size, -size & 0xFF])
    else:
        head = bytes([0xFF, 0xFF, size >> 8, size & 0xFF, -((size >> 8) + (size & 0xFF)) & 0xFF])
    return b"\x00\x00\xff" + head + body + bytes([-sum(body) & 0xFF, 0x00])


class HostFrames:
    """Takes the host's bytes as they come and finds frames in them, as the chip does.

    Damaged frames are passed over in silence: the chip acknowledges nothing it did not understand.
    """

    def __init__(self) -> None:
        self._bytes = bytearray()

    def clear(self) -> None:
        self._bytes.clear()

    def feed(self, data: bytes) -> Iterator[tuple[str, bytes]]:
        """Yield ("ack" or "nack", b"") and ("command", code and parameters) as they complete."""
        self._bytes += data
        while (found := self._next()) is not None:
            if found[0]:
                yield found

    def _next(self) -> tuple[str, bytes] | None:
        """The next frame; ("", b"") for a damaged one; None when more bytes are needed."""
        start = self._bytes.find(b"\x00\xff")
        if start < 0:
            del self._bytes[:-1]
            return None
        del self._bytes[:start]
        if len(self._bytes) < 4:
            return None
        length, check = self._bytes[2], self._bytes[3]
        if (length, check) == (0x00, 0xFF):
            return self._take(4, "ack", b"")
        if (length, check) == (0xFF, 0x00):
            return self._take(4, "nack", b"")
        header = 4
        if (length, check) == (0xFF, 0xFF):
            if len(self._bytes) < 7:
                return None
            length = self._bytes[4] << 8 | self._bytes[5]
            check = self._bytes[4] + self._bytes[5] + self._bytes[6]
            header = 7
        else:
            check += length
        if check & 0xFF or not 1 < length <= MOST_PACKET_DATA:
            return self._take(2, "", b"")
        if len(self._bytes) < header + length + 1:
            return None
        body = bytes(self._bytes[header : header + length])
        intact = not (sum(body) + self._bytes[header + length]) & 0xFF and body[0] == _TO_CHIP
        return self._take(header + length + 1, "command" if intact else "", body[1:])

    def _take(self, count: int, kind: str, payload: bytes) -> tuple[str, bytes]:
        del self._bytes[:count]
        return kind, payload


class HostPort:
    """What the three links need of the chip behind them; `simulator.chips.pn532.Pn532` is one."""

    uart: UartWire

    def rouse(self) -> bool:
        """The link's wake-up condition was met.  True when the chip is awake already."""
        raise NotImplementedError

    @property
    def answering(self) -> bool:
        """The chip is fitted, powered, awake and not hung."""
        raise NotImplementedError

    @property
    def acknowledging_address(self) -> bool:
        """I2C: false for a moment after an exchange (UM0701-02 section 6.2.4)."""
        raise NotImplementedError

    @property
    def floating_level(self) -> int:
        """What a line nobody drives reads as: 0x00 or 0xFF."""
        raise NotImplementedError

    @property
    def outgoing(self) -> bytes | None:
        """The frame that waits for the host, or None."""
        raise NotImplementedError

    def fetched(self) -> None:
        """The host has fetched (or given up) the frame that waited."""
        raise NotImplementedError

    def hear(self, data: bytes) -> None:
        """Bytes from the host."""
        raise NotImplementedError

    def hear_start(self) -> None:
        """A new transfer from the host begins."""
        raise NotImplementedError


class SpiLink(HostPort):
    """SPI: mode 0 only, least significant bit first, at most 5 MHz (data sheet, section 8.3.5).

    The first byte after NSS falls says what happens: 0x02 status read, 0x01 data write, 0x03 data
    read.
    NSS falling wakes the chip; it needs its oscillator before it understands anything.
    """

    spi_modes = frozenset({(0, 0)})
    max_baudrate = 5_000_000

    _operation: int | None = None
    _selected = False
    _position = 0

    def select(self) -> None:
        self._selected = True
        self._operation = None
        self._position = 0
        self.rouse()

    def deselect(self) -> None:
        self._selected = False
        if self._operation == 0x03 and self._position:
            self.fetched()
        self._operation = None

    def transfer(self, mosi: bytes) -> bytes:
        if not self.answering or not self._selected:
            return bytes([self.floating_level]) * len(mosi)
        return b"".join(self._byte(_REVERSED[value]) for value in mosi)

    def _byte(self, value: int) -> bytes:
        if self._operation is None:
            self._operation = value
            if value == 0x01:
                self.hear_start()
            elif value == 0x03 and self.outgoing is None:
                raise DataSheetViolation("PN532: SPI data read while the status says not ready")
            elif value not in (0x01, 0x02, 0x03):
                raise DataSheetViolation(
                    f"PN532: SPI transfer starts with 0x{value:02x}, only 01, 02, 03 are defined"
                    " (is the bus set to least significant bit first?)"
                )
            return b"\xff"
        if self._operation == 0x01:
            self.hear(bytes([value]))
            return b"\xff"
        if self._operation == 0x02:
            return bytes([_REVERSED[0x01 if self.outgoing is not None else 0x00]])
        frame = self.outgoing or b""
        at, self._position = self._position, self._position + 1
        return bytes([_REVERSED[frame[at] if at < len(frame) else 0x00]])


class I2cLink(HostPort):
    """I2C: address 0x24, at most 400 kHz; every read starts with a status byte, 01 if ready.

    Its own address wakes the chip, which does not acknowledge it before the oscillator runs.
    A read that stops inside a frame gives the rest up; a NACK frame asks for all of it again.
    """

    i2c_address = 0x24

    def i2c_write(self, data: bytes) -> int | None:
        if not self._addressed():
            return None
        self.hear_start()
        self.hear(data)
        return len(data)

    def i2c_read(self, count: int) -> bytes | None:
        if not self._addressed():
            return None
        frame = self.outgoing
        if frame is None:
            return bytes(count)
        if count > 1:
            self.fetched()
        return (b"\x01" + frame + bytes(count))[:count]

    def _addressed(self) -> bool:
        return self.rouse() and self.answering and self.acknowledging_address


class HsuLink(HostPort):
    """High speed UART, 115200 baud 8N1; the fifth rising edge on RX wakes it (0x55 has five)."""

    baudrate = 115_200
    _edges = 0

    def uart_receive(self, data: bytes) -> None:
        if not self.answering:
            self._edges += sum(_rising_edges(value) for value in data)
            if self._edges >= 5:
                self._edges = 0
                self.rouse()
            return
        self._edges = 0
        if self.uart.baudrate == self.baudrate:
            self.hear(data)

    def uart_send(self, frame: bytes) -> int:
        """Send a frame to the host; how many nanoseconds it takes on the wire."""
        if self.uart.baudrate == self.baudrate:
            self.uart.send(frame)
        return len(frame) * _BITS_A_CHARACTER * 1_000_000_000 // self.baudrate


def _rising_edges(value: int) -> int:
    """Rising edges of one character: start bit, eight bits (least significant first), stop bit."""
    wire = "0" + f"{value:08b}"[::-1] + "1"
    return sum(before < after for before, after in itertools.pairwise(wire))
