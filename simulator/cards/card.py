"""A card as the reader's antenna meets it: identity, applications, and time to think.

`Card` is the house's contract (`uid`, `atqa`, `sak`, `ats`, `transceive`, `CardLost`) and what the
PN532's model may ask besides: `reset`, `response_time_ns`.  Everything with that shape can be
tapped; `cards` are the pieces of plastic it consists of, one as a rule.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from kassa.system.card import CardLost

from simulator.cards.applet import (
    CLA_NOT_SUPPORTED,
    MS,
    NOT_FOUND,
    OK,
    PPSE,
    WRONG_LENGTH,
    Applet,
    Refused,
    ppse,
)

__all__ = ["AppletCard", "Card", "CardLost"]


class Card(Protocol):
    """What can be held to the reader.  `atqa` is SENS_RES as a number, `ats` begins with its
    length."""

    name: str
    title: str
    scheme: str
    uid: bytes
    atqa: int
    sak: int
    ats: bytes
    cards: Sequence[Card]

    def transceive(self, command: bytes) -> bytes:
        """The answer to an APDU, status word last.  CardLost when it left the field."""
        ...

    def reset(self) -> None:
        """Its power came or went."""
        ...

    def response_time_ns(self, command: bytes) -> int:
        """How long it thinks about `command`."""
        ...


class AppletCard:
    """A card, or a phone that plays one, with payment applications."""

    def __init__(
        self, name: str, title: str, uid: bytes, ats: bytes, applets: Sequence[Applet]
    ) -> None:
        self.name = name
        self.title = title
        self.scheme = applets[0].app.applet if applets else ""
        self.uid = uid
        self.atqa = 0x0004 if len(uid) == 4 else 0x0044
        self.sak = 0x20
        self.ats = ats
        self.applets = tuple(applets)
        self._selected: Applet | None = None

    @property
    def cards(self) -> Sequence[Card]:
        return (self,)

    @property
    def complaints(self) -> list[str]:
        """What the terminal did wrong and was answered all the same, in words."""
        return [text for applet in self.applets for text in applet.inspector.complaints]

    def transceive(self, command: bytes) -> bytes:
        try:
            return self._execute(bytes(command)) + OK.to_bytes(2, "big")
        except Refused as refusal:
            return refusal.sw.to_bytes(2, "big")

    def reset(self) -> None:
        self._selected = None
        for applet in self.applets:
            applet.session_over()

    def response_time_ns(self, command: bytes) -> int:
        if len(command) < 4 or self._selected is None:
            return 12 * MS
        return self._selected.response_time_ns(command[0], command[1], command[2])

    def _execute(self, command: bytes) -> bytes:
        cla, ins, p1, p2, data = parse_command(command)
        if (cla, ins, p1) == (0x00, 0xA4, 0x04):
            return self._select(data)
        if self._selected is None:
            raise Refused(CLA_NOT_SUPPORTED if cla not in (0x00, 0x80) else 0x6985)
        return self._selected.command(cla, ins, p1, p2, data)

    def _select(self, name: bytes) -> bytes:
        self._selected = None
        if name == PPSE:
            if not self.applets:
                raise Refused(NOT_FOUND)
            return ppse(applet.app for applet in self.applets)
        for applet in self.applets:
            # A partial name selects the first application that begins with it (Book 1, 12.3.1).
            if len(name) >= 5 and applet.app.aid.startswith(name):
                answer = applet.select()
                self._selected = applet
                return answer
        raise Refused(NOT_FOUND)


def parse_command(command: bytes) -> tuple[int, int, int, int, bytes]:
    """CLA, INS, P1, P2 and data of a short APDU (ISO/IEC 7816-4, 5.1); Refused if it is none."""
    if len(command) < 4:
        raise Refused(WRONG_LENGTH)
    cla, ins, p1, p2 = command[:4]
    body = command[4:]
    if len(body) <= 1:
        return cla, ins, p1, p2, b""
    length = body[0]
    if not length or len(body) not in (1 + length, 2 + length):
        raise Refused(WRONG_LENGTH)
    return cla, ins, p1, p2, body[1 : 1 + length]
