"""What runs on an ESP32 that was reset with BOOT held: the loader in its ROM, and esptool's stub.

`received()` takes what comes over the serial line and gives what goes back; the flash is the
board's.  esptool uploads its stub at once: what changes the flash is asked of the stub only.

Source: Espressif's "Serial Protocol" in esptool's manual; registers from the chips' technical
reference manuals (SPI controller 1, system).
"""

from __future__ import annotations

import hashlib
import struct
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from host_tools import partitions
from host_tools.stock_image import BOOT_LOADER_AT
from simulator.chips.nor_flash import BLOCK, ERASED, NorFlash

_END, _ESCAPE = b"\xc0", b"\xdb"  # SLIP, RFC 1055
_ESCAPED = ((_ESCAPE, b"\xdb\xdd"), (_END, b"\xdb\xdc"))
_FLASH_BEGIN, _FLASH_DATA, _FLASH_END, _MEM_BEGIN, _MEM_END, _MEM_DATA = range(2, 8)
_SYNC, _WRITE_REG, _READ_REG, _SET_PARAMETERS, _ATTACH, _BAUD = 8, 9, 10, 11, 13, 15
_DEFLATED_BEGIN, _DEFLATED_DATA, _DEFLATED_END, _MD5, _SECURITY = range(0x10, 0x15)
_ERASE_FLASH, _ERASE_REGION, _READ_FLASH = range(0xD0, 0xD3)
_OF_THE_STUB = (_MD5, _ERASE_FLASH, _ERASE_REGION, _READ_FLASH)
_NOTHING_TO_DO = (*(_MEM_BEGIN, _MEM_DATA, _SET_PARAMETERS, _ATTACH, _BAUD, _DEFLATED_END),)
_SYNCED = 0x20120707
_SYNC_ANSWERS = 8
_LEAVE = 0
_UNKNOWN = b"\x01\x05"
_GREETING = b"OHAI"
_IMAGE = b"\xe9"
# The first packet that esptool sends, until it is answered.
SYNC = b"\xc0\x00\x08\x24\x00\x00\x00\x00\x00\x07\x07\x12\x20" + b"U" * 32 + b"\xc0"
_WHICH_CHIP = 0x40001000
_READ_ID = 0x9F
_WINBOND = 0x40EF  # the flash's type and maker; its size is the third byte


@dataclass(frozen=True)
class _Chip:
    """number: in the security information, None where the ROM has none.  marks: what `_WHICH_CHIP`
    holds.  spi: the flash's controller; command, data: offsets of its registers."""

    number: int | None
    marks: int
    spi: int
    command: int
    data: int


_CHIPS = {
    "esp32": _Chip(None, 0x00F01D83, 0x3FF42000, 0x24, 0x80),
    "esp32s3": _Chip(9, 0x00000009, 0x60002000, 0x20, 0x58),
}


def is_flashed(board: Mapping[str, Any], flash: NorFlash) -> bool:
    """Whether a chip with this flash would start a program: a boot loader where its ROM looks, the
    partition table of the board file, and an image in the partition for it.
    """
    table = partitions.read(flash.image(partitions.OFFSET, partitions.SIZE))
    if table != partitions.of_board(board):
        return False
    app = next(each for each in table if each.kind == partitions.APP)
    starts = (BOOT_LOADER_AT[board["chip"]], app.offset)
    return all(flash.image(start, 1) == _IMAGE for start in starts)


class RomLoader:
    """chip: esp32 or esp32s3.  Raises PowerCut when the power fails in the middle.

    baud: what the far end asked for last; the line itself does not care.
    stub: esptool's stub is running.  It goes back to the ROM's loader when told to stay there.
    """

    def __init__(self, chip: str, flash: NorFlash) -> None:
        self.baud = 115_200
        self._chip = _CHIPS[chip]
        self._flash = flash
        self._registers = {_WHICH_CHIP: self._chip.marks}
        self.stub = False
        self._line = b""
        self._inflate: zlib._Decompress | None = None
        self._at = 0

    def received(self, data: bytes) -> bytes:
        """The answers to what came, as they go over the line."""
        *packets, self._line = (self._line + data).split(_END)
        answers = []
        for packet in packets:
            for mark, code in reversed(_ESCAPED):
                packet = packet.replace(code, mark)
            # Shorter ones say how much of READ_FLASH has arrived; nothing is between two.
            if len(packet) >= 8:
                answers += self._do(packet[1], packet[8:])
        return b"".join(_END + _escape(answer) + _END for answer in answers)

    # -- commands

    def _do(self, command: int, body: bytes) -> Iterator[bytes]:
        words = struct.unpack(f"<{len(body) // 4}I", body[: len(body) // 4 * 4])
        if command == _SYNC:
            for _ in range(_SYNC_ANSWERS):
                yield self._answer(command, value=0 if self.stub else _SYNCED)
        elif command == _READ_REG:
            yield self._answer(command, value=self._registers.get(words[0], 0))
        elif command == _WRITE_REG:
            self._write_register(words[0], words[1])
            yield self._answer(command)
        elif command == _MEM_END:
            yield self._answer(command)
            self.stub = True
            yield _GREETING
        elif command == _SECURITY and self._chip.number is not None:
            yield self._answer(command, struct.pack("<I8xII", 0, self._chip.number, 0))
        elif command in _OF_THE_STUB and not self.stub:
            yield self._answer(command, status=_UNKNOWN)
        elif command == _MD5:
            content = self._flash.read(words[0], words[1])
            yield self._answer(command, hashlib.md5(content).digest())
        elif command == _READ_FLASH:
            yield self._answer(command)
            yield from self._read(words[0], words[1], words[2])
        elif command == _ERASE_FLASH:
            self._erase(0, self._flash.size)
            yield self._answer(command)
        elif command == _ERASE_REGION:
            self._erase(words[0], words[1])
            yield self._answer(command)
        elif command in (_FLASH_BEGIN, _DEFLATED_BEGIN):
            self._inflate = zlib.decompressobj() if command == _DEFLATED_BEGIN else None
            self._at = words[3]
            yield self._answer(command)
        elif command in (_FLASH_DATA, _DEFLATED_DATA):
            data = body[16 : 16 + words[0]]
            self._write(self._inflate.decompress(data) if self._inflate else data)
            yield self._answer(command)
        elif command == _FLASH_END:
            yield self._answer(command)
            self.stub = words[0] != _LEAVE
        elif command in _NOTHING_TO_DO:
            self.baud = words[0] if command == _BAUD else self.baud
            yield self._answer(command)
        else:
            yield self._answer(command, status=_UNKNOWN)

    def _answer(
        self, command: int, told: bytes = b"", value: int = 0, status: bytes = b"\x00\x00"
    ) -> bytes:
        body = told + status + (b"" if self.stub else b"\x00\x00")
        return struct.pack("<BBHI", 1, command, len(body), value) + body

    def _write_register(self, address: int, value: int) -> None:
        self._registers[address] = value
        if address == self._chip.spi:  # a command for the flash, done at once
            command = self._registers.get(address + self._chip.command, 0) & 0xFF
            size_code = self._flash.size.bit_length() - 1
            told = size_code << 16 | _WINBOND if command == _READ_ID else 0
            self._registers[address + self._chip.data] = told
            self._registers[address] = 0

    # -- the flash

    def _read(self, address: int, count: int, piece: int) -> Iterator[bytes]:
        content = self._flash.read(address, count)
        for start in range(0, count, piece):
            yield content[start : start + piece]
        yield hashlib.md5(content).digest()

    def _erase(self, address: int, count: int) -> None:
        for block in range(address, address + count, BLOCK):
            self._flash.erase(block)

    def _write(self, data: bytes) -> None:
        """Each block is erased when the writing reaches it."""
        while data:
            room = BLOCK - self._at % BLOCK
            if room == BLOCK and self._flash.read(self._at, BLOCK) != ERASED:
                self._flash.erase(self._at)
            self._flash.program(self._at, data[:room])
            self._at += len(data[:room])
            data = data[room:]


def _escape(packet: bytes) -> bytes:
    for mark, code in _ESCAPED:
        packet = packet.replace(mark, code)
    return packet
