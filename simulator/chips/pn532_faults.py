"""What a PN532 can be told to do wrong, on the wire to the host and on the air.

A test or a script says it beforehand:

    chip.faults.next("response", "flip")            one bit of the next response is wrong
    chip.faults.next("ack", "drop", times=2)        the next two ACK frames never come
    chip.faults.next("response", "late", value=400) the next response comes 400 ms late
    chip.faults.next("command", "flip")             the host's next frame arrives damaged
    chip.faults.hang()                              no sign of life until reset or power-on
    chip.faults.absent = True                       no chip at all
    chip.faults.rf_errors = 3                       three answers of a card arrive damaged
    chip.faults.brown_out()                         supply dip: everything set is forgotten
"""

from __future__ import annotations

import random
from collections.abc import Callable

from simulator.chips.pn532_link import ACK, NACK, SYNTAX_ERROR

FRAMES = ("ack", "response", "command")
KINDS = ("drop", "flip", "checksum", "length", "truncate", "spurious", "late", "nack", "error")
_NS_PER_MS = 1_000_000


class Faults:
    """The misbehaviour of one chip; everything is off until asked for.

    absent          the chip is not fitted: MISO floats, no I2C acknowledge, the UART is silent
    floating        what a line that nobody drives reads as, 0xFF (pull-up) or 0x00
    rf_errors       how many of a card's next answers arrive damaged at the reader
    irq_broken      the interrupt wire is off: the chip works, the line stays high
    """

    def __init__(self, seed: int, brown_out: Callable[[], None]) -> None:
        self.absent = False
        self.floating = 0xFF
        self.rf_errors = 0
        self.irq_broken = False
        self.hung = False
        self._random = random.Random(seed)
        self._brown_out = brown_out
        self._planned: dict[str, list[tuple[str, object]]] = {frame: [] for frame in FRAMES}

    def next(self, frame: str, kind: str, times: int = 1, value: object = None) -> None:
        """Damage the next `times` frames: `frame` is one of FRAMES, `kind` one of KINDS.

        drop      it never comes                  flip      one bit of it is wrong
        checksum  its data check sum is off by 1  truncate  it ends half-way
        length    its length check sum is off by 1
        spurious  `value` bytes come before it (five random ones when None)
        late      it comes `value` milliseconds late
        nack      a NACK frame comes instead      error     a syntax error frame comes instead
        """
        if frame not in FRAMES or kind not in KINDS:
            raise ValueError(f"no such fault: {frame} {kind}")
        self._planned[frame] += [(kind, value)] * times

    def calm(self) -> None:
        """Forget what is still planned."""
        for planned in self._planned.values():
            planned.clear()
        self.rf_errors = 0

    def hang(self) -> None:
        """The chip's processor stands still: no answer to anything until it is reset."""
        self.hung = True

    def brown_out(self) -> None:
        """The supply dips: the chip is back in its power-on state, the field is off."""
        self._brown_out()

    def apply(self, frame: str, data: bytes) -> tuple[bytes, int]:
        """`data` as it really travels, and how many nanoseconds late; b"" when it is lost."""
        if not self._planned[frame]:
            return data, 0
        kind, value = self._planned[frame].pop(0)
        if kind == "late":
            return data, int(value) * _NS_PER_MS if isinstance(value, int) else 0
        return self._damaged(kind, data, value), 0

    def _damaged(self, kind: str, data: bytes, value: object) -> bytes:
        if kind == "drop":
            return b""
        if kind == "nack":
            return NACK
        if kind == "error":
            return SYNTAX_ERROR
        if kind == "truncate":
            return data[: len(data) // 2]
        if kind == "spurious":
            junk = value if isinstance(value, bytes) else self._random.randbytes(5)
            return junk + data
        if kind == "checksum" and data != ACK:
            at, mask = len(data) - 2, 0x01
        elif kind == "length":
            at, mask = (7 if data[3:5] == b"\xff\xff" else 4), 0x01
        else:
            # Not in the preamble or the postamble, which carry nothing.
            at, mask = self._random.randrange(2, len(data) - 1), 1 << self._random.randrange(8)
        return data[:at] + bytes([data[at] ^ mask]) + data[at + 1 :]
