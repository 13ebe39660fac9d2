"""Writing a raw partition of a board: only the blocks that differ, each verified.

So what was cut off goes on where it was, and a journal, which is mostly erased, takes seconds.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable

from host_tools.device import BLOCK, Device
from host_tools.port import DeviceError

_PIECE = 1536
_ERASED = b"\xff" * BLOCK
_BLOCKS_AT_ONCE = 32

_DIGESTS = """\
import esp32,binascii,hashlib
_kassa_p=esp32.Partition.find(esp32.Partition.TYPE_DATA,label={label!r})[0]
_kassa_b=bytearray(4096)
for _kassa_n in range({first},{end}):
 _kassa_p.readblocks(_kassa_n,_kassa_b)
 print(binascii.hexlify(hashlib.sha256(_kassa_b).digest()).decode())
"""
_ERASE = "_kassa_p.ioctl(6,{block})"
_FILL = "_kassa_b[{at}:{end}]=binascii.a2b_base64('{data}')"
_WRITE = "_kassa_p.writeblocks({block},_kassa_b)"


def write(
    device: Device,
    label: str,
    image: bytes,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> None:
    """Make a data partition hold `image`, whose size it has; verified by the board's own SHA-256
    of each block.  progress(done, total) in bytes.  Raises DeviceError.
    """
    blocks = [image[at : at + BLOCK] for at in range(0, len(image), BLOCK)]
    wrong = _differing(device, label, blocks)
    for number, block in enumerate(wrong):
        progress(number * BLOCK, len(wrong) * BLOCK)
        _write_block(device, label, block, blocks[block])
    progress(len(wrong) * BLOCK, len(wrong) * BLOCK)
    if _differing(device, label, blocks):
        raise DeviceError(
            f"{device.port}: {label} does not hold what was written; try again, and if that "
            "does not help the flash is worn out"
        )


def _write_block(device: Device, label: str, block: int, content: bytes) -> None:
    doing = f"writing the partition {label}"
    if content == _ERASED:
        device.run(_ERASE.format(block=block), doing)
        return
    for at in range(0, BLOCK, _PIECE):
        piece = content[at : at + _PIECE]
        device.run(_FILL.format(at=at, end=at + len(piece), data=_text(piece)), doing)
    device.run(_WRITE.format(block=block), doing)


def _differing(device: Device, label: str, blocks: list[bytes]) -> list[int]:
    """The blocks that the partition does not hold."""
    doing = f"comparing the partition {label}"
    digests: list[str] = []
    for first in range(0, len(blocks), _BLOCKS_AT_ONCE):
        end = min(first + _BLOCKS_AT_ONCE, len(blocks))
        digests += device.run(_DIGESTS.format(label=label, first=first, end=end), doing).split()
    if len(digests) != len(blocks):
        raise DeviceError(f"{device.port}: the board's answer was cut short; try again")
    return [
        number
        for number, block in enumerate(blocks)
        if hashlib.sha256(block).hexdigest() != digests[number]
    ]


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()
