"""Terminal action analysis: which cryptogram to ask for (Book C-2, 7.8; EMV 4.3 Book 3, 10.7)."""

from typing import TYPE_CHECKING

from kassa.emv import apdu, tags

if TYPE_CHECKING:
    from kassa.emv.config import Record
    from kassa.emv.tap import Tap

_NONE = b"\0\0\0\0\0"
_ALL = b"\xff\xff\xff\xff\xff"
_NAMES = {apdu.AAC: "AAC", apdu.TC: "TC", apdu.ARQC: "ARQC"}


def decide(tap: "Tap", codes: "Record", rule: str = "C2-8") -> int:
    """AAC, ARQC or TC, from the TVR and the action codes of terminal and issuer.

    `codes` has tac_denial, tac_default and tac_online, five bytes each; `rule` is what the
    decision is noted under.  An issuer's code that is absent counts as all zeros for denial and
    all ones otherwise (Book 3, 10.7).
    """
    reference, why = _analyse(tap, codes)
    tap.decide(rule, "action analysis: {} ({})".format(_NAMES[reference], why))
    return reference


def _analyse(tap: "Tap", codes: "Record") -> "tuple[int, str]":
    ability = tap.terminal.type[0] & 0x0F
    # C2-8: each case ends the analysis.
    found = _match(tap, codes.tac_denial, tags.IAC_DENIAL, _NONE)
    if found:
        return apdu.AAC, found + " denial"
    if ability in (3, 6):
        if tap.online_only:
            return apdu.AAC, "may not approve offline, cannot go online"
        found = _match(tap, codes.tac_default, tags.IAC_DEFAULT, _ALL)
        return (apdu.AAC, found + " default") if found else (apdu.TC, "nothing against it")
    if ability in (1, 4) or tap.online_only:
        return apdu.ARQC, "terminal asks online"
    found = _match(tap, codes.tac_online, tags.IAC_ONLINE, _ALL)
    return (apdu.ARQC, found + " online") if found else (apdu.TC, "nothing against it")


def _match(tap: "Tap", terminal_code: bytes, issuer_tag: int, absent: bytes) -> str:
    """Whose code has a bit of the TVR: "TAC", "IAC", both, or "" for nobody's."""
    issuer_code = tap.data.get(issuer_tag, absent)
    whose = []
    for name, code in (("TAC", terminal_code), ("IAC", issuer_code)):
        if any(code[i] & tap.tvr[i] for i in range(5)):
            whose.append(name)
    return " and ".join(whose)
