"""Terminal action analysis: which cryptogram to ask for (Book C-2, 7.8; EMV 4.3 Book 3, 10.7)."""

from typing import TYPE_CHECKING

from kassa.emv import apdu, tags

if TYPE_CHECKING:
    from kassa.emv.tap import Tap

_NONE = b"\0\0\0\0\0"
_ALL = b"\xff\xff\xff\xff\xff"


def decide(tap: "Tap") -> int:
    """AAC, ARQC or TC, from the TVR and the action codes of terminal and issuer.

    An issuer's code that is absent counts as all zeros for denial and all ones otherwise (Book 3,
    10.7).
    """
    codes = tap.combination.kernel2
    ability = tap.terminal.type[0] & 0x0F
    # C2-8: each case ends the analysis.
    if _match(tap, codes.tac_denial, tags.IAC_DENIAL, _NONE):
        return apdu.AAC
    if ability in (1, 4) or tap.online_only:
        return apdu.ARQC
    if ability in (3, 6):
        return apdu.AAC if _match(tap, codes.tac_default, tags.IAC_DEFAULT, _ALL) else apdu.TC
    return apdu.ARQC if _match(tap, codes.tac_online, tags.IAC_ONLINE, _ALL) else apdu.TC


def _match(tap: "Tap", terminal_code: bytes, issuer_tag: int, absent: bytes) -> bool:
    issuer_code = tap.data.get(issuer_tag, absent)
    return any((terminal_code[i] | issuer_code[i]) & tap.tvr[i] for i in range(5))
