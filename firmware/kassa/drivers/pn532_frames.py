"""Frames between the host and the PN532 (UM0701-02 section 6.2.1), in buffers that stay.

    normal     00 00 FF  LEN LCS            TFI PD0 .. PDn DCS 00     TFI and data, 1 to 255 bytes
    extended   00 00 FF  FF FF LENM LENL LCS TFI PD0 .. PDn DCS 00    up to 265 bytes
    ACK        00 00 FF  00 FF 00           NACK  00 00 FF FF 00 00
    error      00 00 FF  01 FF 7F 81 00

LEN + LCS and TFI + data + DCS are 0 modulo 256; TFI is D4 towards the PN532 and D5 from it.
"""

from typing import TYPE_CHECKING

from kassa.drivers.pn532_errors import ChecksumError, NoFrame
from kassa.system.ensure import ensure

if TYPE_CHECKING:
    from collections.abc import Iterable

ACK = b"\x00\x00\xff\x00\xff\x00"
NACK = b"\x00\x00\xff\xff\x00\x00"

LONGEST_DATA = 264
"""Bytes of code and parameters in one frame, TFI not counted."""

LONGEST_FRAME = 275
"""An extended frame with all of them."""

NOTHING, INFORMATION, ACKNOWLEDGE, REFUSE, SYNTAX_ERROR = 0, 1, 2, 3, 4
"""Kinds of frames that `FrameReader` finds; REFUSE is a NACK."""

_TO_READER = 0xD4
_TO_HOST = 0xD5
_ERROR_CODE = 0x7F
_MOST_LENGTH = 265
_BODY = 8  # where TFI stands in a command frame: room for the longer of the two headers
_START_CODE = b"\x00\xff"
_SHORTEST = 6  # an ACK with its preamble and postamble
_MOST_JUNK = 48  # bytes without a start code, after which nothing is expected any more


class FrameWriter:
    """Builds command frames, one after the other, in one buffer."""

    def __init__(self) -> None:
        self._buffer = bytearray(LONGEST_FRAME)
        self._view = memoryview(self._buffer)

    def build(self, code: int, parameters: "Iterable[int]" = (), data: bytes = b"") -> memoryview:
        """The frame of command `code` with `parameters` and then `data`; good until the next call.

        Code, parameters and data are at most `LONGEST_DATA` bytes together (InvariantError).
        """
        buffer = self._buffer
        buffer[_BODY] = _TO_READER
        buffer[_BODY + 1] = code
        end = _BODY + 2
        for value in parameters:
            buffer[end] = value
            end += 1
        length = end - _BODY + len(data)
        ensure(length <= _MOST_LENGTH, "too much data for one frame of the reader")
        self._view[end : end + len(data)] = data
        end += len(data)
        buffer[end] = -sum(self._view[_BODY:end]) & 0xFF
        buffer[end + 1] = 0x00
        if length <= 0xFF:
            start = _BODY - 5
            buffer[_BODY - 2] = length
            buffer[_BODY - 1] = -length & 0xFF
        else:
            start = 0
            buffer[3] = buffer[4] = 0xFF
            buffer[5] = length >> 8
            buffer[6] = length & 0xFF
            buffer[7] = -(buffer[5] + buffer[6]) & 0xFF
        buffer[start] = buffer[start + 1] = 0x00
        buffer[start + 2] = 0xFF
        return self._view[start : end + 2]


class FrameReader:
    """Finds one frame in bytes that come in pieces, passing over whatever stands before it.

        frames.clear()
        while frames.missing():
            n = uart.readinto(frames.space())
            frames.added(n)

    Afterwards `kind` tells what came, and `data` is its code and parameters.  `recognised` is set
    as soon as the header of an information frame has been seen.
    """

    def __init__(self) -> None:
        # Room for the longest frame behind as much junk as is put up with.
        self._buffer = bytearray(LONGEST_FRAME + _MOST_JUNK + _SHORTEST)
        self._view = memoryview(self._buffer)
        self._length = 0
        self._searched = 0
        self._missing = _SHORTEST
        self._body = 0
        self._end = 0
        self.kind = NOTHING
        self.recognised = False

    def clear(self) -> None:
        """Forget what came; a new frame is expected."""
        self._length = 0
        self._searched = 0
        self._missing = _SHORTEST
        self.kind = NOTHING
        self.recognised = False

    @property
    def length(self) -> int:
        """How many bytes have come since `clear`."""
        return self._length

    @property
    def data(self) -> memoryview:
        """Code and parameters of an information frame; good until `clear`."""
        return self._view[self._body + 1 : self._end]

    def space(self, count: int = 0) -> memoryview:
        """Where the next bytes go: as many as `missing` said, or `count`."""
        end = self._length + (count or self._missing)
        ensure(end <= len(self._buffer), "the reader's buffer is full")
        return self._view[self._length : end]

    def added(self, count: int) -> None:
        """`count` bytes have been put into `space`."""
        self._length += count

    def missing(self) -> int:
        """How many more bytes the frame has at least; 0 once it is complete.

        Never more than really follow in an undamaged frame, so that a bus master does not read
        past its end.  Raises ChecksumError when the frame is damaged and NoFrame when too much
        came without one; `clear` is due then.
        """
        if self.kind == NOTHING:
            self._missing = self._search()
        return self._missing

    def _search(self) -> int:
        while True:
            start = self._buffer.find(_START_CODE, self._searched, self._length)
            if start < 0:
                if self._length > _MOST_JUNK:
                    raise NoFrame("no frame in what the reader sends")
                if not self._length:
                    return _SHORTEST
                self._searched = self._length - 1
                # A zero at the end may be the first half of a start code.
                return 4 if self._buffer[self._searched] == 0 else 5
            self._searched = start
            missing = self._look_at(start)
            if missing >= 0:
                return missing
            self._searched = start + 1  # looked like a start code, and was none

    def _look_at(self, start: int) -> int:
        """Bytes missing from the frame whose start code is at `start`; -1 when there is none."""
        buffer = self._buffer
        have = self._length - start
        if have < 4:
            return 5 - have
        length = buffer[start + 2]
        check = buffer[start + 3]
        if (length == 0x00 and check == 0xFF) or (length == 0xFF and check == 0x00):
            if have >= 5:
                self.kind = REFUSE if length else ACKNOWLEDGE
            return max(0, 5 - have)
        header = 4
        if length == 0xFF and check == 0xFF:
            if have < 7:
                return 10 - have  # the shortest extended frame: TFI, check sum, postamble
            header = 7
            length = buffer[start + 4] << 8 | buffer[start + 5]
            check = buffer[start + 4] + buffer[start + 5] + buffer[start + 6] - length
        if (length + check) & 0xFF or not 0 < length <= _MOST_LENGTH:
            return -1
        self.recognised = True
        missing = header + length + 2 - have
        if missing <= 0:
            self._finish(start + header, length)
        return max(0, missing)

    def _finish(self, body: int, length: int) -> None:
        end = body + length
        if sum(self._view[body : end + 1]) & 0xFF:
            raise ChecksumError("a frame from the reader arrived damaged")
        self._body = body
        self._end = end
        if self._buffer[body] == _TO_HOST and length > 1:
            self.kind = INFORMATION
        elif self._buffer[body] == _ERROR_CODE and length == 1:
            self.kind = SYNTAX_ERROR
        else:
            raise NoFrame("a frame that the reader does not send")
