"""A card in the reader's field: its electrical life and what its answers say about it.

Sources: ISO/IEC 14443-3 (states, guard times), ISO/IEC 14443-4 section 5.2 (ATS), section 7.9
(ATQB).

A card is any object with `uid`, `atqa`, `sak`, `ats` and `transceive(command) -> bytes`, which
raises an exception named `CardLost` when it does not answer.  `atqa` is a number or two bytes as
on the air (low byte first), `ats` begins with its length byte.  It may have:
    reset()                          called whenever its power comes or goes
    response_time_ns(command) -> int its thinking time, 15 ms when absent
    wtx: bool                        False: slower than its frame waiting time, it does not ask for
                                     more and is given up (True when absent)
    atqb: bytes                      12 bytes beginning with 0x50: a type B card, `uid` is its PUPI
"""

from __future__ import annotations

from typing import Any

from simulator.chips.buses import DataSheetViolation

FC_HZ = 13_560_000
NS_PER_MS = 1_000_000
POWER_UP_NS = 5 * NS_PER_MS  # from field on to a card that answers, ISO/IEC 14443-3 section 5
THINKING_NS = 15 * NS_PER_MS  # a card's time for one APDU when it does not say
_FRAME_SIZES = (16, 24, 32, 40, 48, 64, 96, 128, 256)
_LONGEST_FWI = 14


def cycles_ns(cycles: int) -> int:
    """Carrier cycles in nanoseconds."""
    return cycles * 1_000_000_000 // FC_HZ


class Contact:
    """A card in the field: its power, its place in the state machine of ISO/IEC 14443-3."""

    def __init__(self, card: Any) -> None:
        self.card = card
        self.present = True
        self.removed_ns = 0
        self.powered_ns: int | None = None
        self.state = "off"
        ats = self.ats
        if ats and ats[0] != len(ats):
            raise DataSheetViolation(f"card: the ATS says {ats[0]} bytes and has {len(ats)}")

    @property
    def type_b(self) -> bool:
        return getattr(self.card, "atqb", None) is not None

    @property
    def atqa(self) -> int:
        atqa = self.card.atqa
        return int.from_bytes(atqa, "little") if isinstance(atqa, bytes | bytearray) else int(atqa)

    @property
    def sak(self) -> int:
        sak = self.card.sak
        return sak[0] if isinstance(sak, bytes | bytearray) else int(sak)

    @property
    def ats(self) -> bytes:
        return b"" if self.type_b else bytes(self.card.ats or b"")

    @property
    def iso_dep(self) -> bool:
        """It speaks ISO/IEC 14443-4: SAK bit 6, or the protocol type of an ATQB."""
        return bool(self.card.atqb[10] & 0x01) if self.type_b else bool(self.sak & 0x20)

    @property
    def frame_size(self) -> int:
        """FSC: the longest frame it takes, in bytes."""
        if self.type_b:
            code = self.card.atqb[10] >> 4
        else:
            code = self.ats[1] & 0x0F if len(self.ats) > 1 else 2
        return _FRAME_SIZES[min(code, len(_FRAME_SIZES) - 1)]

    @property
    def waiting_time_ns(self) -> int:
        """FWT = 256 * 16 / fc * 2**FWI; FWI 4 when the ATS does not say."""
        if self.type_b:
            code = self.card.atqb[11] >> 4
        else:
            at = 2 + bool(len(self.ats) > 1 and self.ats[1] & 0x10)
            says = len(self.ats) > at and self.ats[1] & 0x20
            code = self.ats[at] >> 4 if says else 4
        return cycles_ns(256 * 16 << min(code, _LONGEST_FWI))

    def power(self, now_ns: int | None) -> None:
        """The field came (at `now_ns`) or went (None): either way the card starts anew."""
        self.powered_ns = now_ns
        self.state = "off" if now_ns is None else "idle"
        if reset := getattr(self.card, "reset", None):
            reset()

    def ready(self, now_ns: int) -> bool:
        """It would answer REQA or REQB at `now_ns`."""
        return (
            self.present
            and self.state == "idle"
            and self.powered_ns is not None
            and now_ns - self.powered_ns >= POWER_UP_NS
        )

    def thinking_ns(self, command: bytes) -> int:
        say = getattr(self.card, "response_time_ns", None)
        return THINKING_NS if say is None else int(say(command))
