"""Cards for tests of the reader: they echo, count what happens to them, and do odd things when
told.
"""

from __future__ import annotations

from kassa.system.card import CardLost

from simulator.clock import NS_PER_MS


class EchoCard:
    """Answers each command with its own bytes and 90 00, or with what `answers` says."""

    def __init__(
        self,
        uid: str = "04a1b2c3d4e5f6",
        ats: str = "0578807002",
        sak: int = 0x20,
        thinking_ms: float = 1,
        answers: dict[bytes, bytes] | None = None,
    ) -> None:
        self.uid = bytes.fromhex(uid)
        self.atqa = b"\x44\x00"
        self.sak = sak
        self.ats = bytes.fromhex(ats)
        self.thinking_ms = thinking_ms
        self.answers = answers or {}
        self.commands: list[bytes] = []
        self.resets = 0
        self.gone = False

    def reset(self) -> None:
        self.resets += 1

    def response_time_ns(self, command: bytes) -> int:
        return int(self.thinking_ms * NS_PER_MS)

    def transceive(self, command: bytes) -> bytes:
        if self.gone:
            raise CardLost("the card fell silent")
        self.commands.append(command)
        return self.answers.get(command, command + b"\x90\x00")


class TypeBCard(EchoCard):
    """The same, type B: FSCI 8, FWI 7, ISO/IEC 14443-4."""

    def __init__(self, pupi: str = "11223344", thinking_ms: float = 1) -> None:
        super().__init__(uid=pupi, thinking_ms=thinking_ms)
        self.atqb = b"\x50" + self.uid + b"\x00\x00\x00\x00" + b"\x00\x81\x71"
