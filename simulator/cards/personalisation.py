"""What a bank writes into a card: a profile's TOML made into one record of typed fields."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from simulator.cards import certificates, faults, issuers


class ProfileError(ValueError):
    """A profile that cannot be read; the message names the file and the field."""


@dataclass(frozen=True)
class Application:
    """One application of a card.  Dates are YYMMDD as hexadecimal digits, amounts minor units."""

    applet: str  # visa, mastercard, amex, jcb, discover or unionpay
    aid: bytes
    label: str
    pan: str
    expiry: bytes
    effective: bytes
    cvn: int
    psn: str = "01"
    preferred_name: str = ""
    priority: int = 1
    languages: str = "en"
    country: bytes = b"\x02\x76"
    currency: bytes = b"\x09\x78"
    service_code: str = "201"
    usage_control: bytes = b"\xff\x80"
    kernel_id: bytes = b""
    cdcvm: bool = False  # verifies its owner itself, and has
    locked: bool = False  # asks for that on the first tap
    blocked: bool = False  # SELECT answers 6283
    online_pin: bool = True
    signature: bool = False
    offline_limit: int = 0  # approves offline up to this amount, where the terminal lets it
    afl: bool = True  # Visa: False answers everything in GET PROCESSING OPTIONS
    form_factor: bytes = b""
    cvm_list: bytes = b""
    oda: str = "dynamic"  # offline data authentication: also "static" (93), or "none"
    icc_bits: int = certificates.ICC_BITS  # size of the card's own key
    fault: str = ""  # what is wrong with its signatures: a name of `simulator.cards.faults`
    answer: str = ""  # "tc", "arqc" or "aac" wherever the terminal allows it, whatever the amount
    contactless_limit: int | None = None  # more than this is for the contacts
    switch_interface: bool = False  # answers 6984 where its scheme does
    issuer_update: bool = False  # wants the issuer's answer on a second tap
    program_id: bytes = b""  # 9F5A
    omit: tuple[int, ...] = ()  # tags left out of every answer
    timing_ms: Mapping[str, int] = field(default_factory=dict)

    @property
    def issuer(self) -> issuers.Issuer:
        return issuers.issuer_for(self.pan)

    @property
    def authentication(self) -> str:
        """Which signatures it has: "fast" (fDDA), "combined" (CDA), "static" or "none"."""
        if self.oda != "dynamic":
            return self.oda
        return "fast" if self.applet in ("visa", "unionpay") else "combined"

    @property
    def pan_field(self) -> bytes:
        """Tag 5A: the digits, F to whole bytes."""
        return bytes.fromhex(self.pan + "F" * (len(self.pan) % 2))

    @property
    def track2(self) -> bytes:
        """Tag 57: PAN, D, expiry, service code, discretionary digits, F to whole bytes."""
        digits = f"{self.pan}D{self.expiry.hex()[:4]}{self.service_code}00000000000"[:37]
        return bytes.fromhex(digits + "F" * (len(digits) % 2))


_HEX = ("aid", "expiry", "effective", "country", "currency", "usage_control", "kernel_id")
_HEX += ("form_factor", "cvm_list", "program_id")
_KNOWN = tuple(Application.__dataclass_fields__)
_DYNAMIC_OR_NONE = {
    scheme: (kind, "none")
    for scheme, kind in (("visa", "fast"), ("unionpay", "fast"), ("discover", "combined"))
}
_GENERATE_AC = ("combined", "static", "none")
_AUTHENTICATIONS = {
    **_DYNAMIC_OR_NONE,
    **dict.fromkeys(("mastercard", "amex", "jcb"), _GENERATE_AC),
}
_NEEDED = ("applet", "aid", "label", "pan", "expiry", "effective", "cvn")


def application(where: str, table: Mapping[str, Any]) -> Application:
    """The Application in a profile's table; ProfileError names the field that is wrong."""
    values: dict[str, Any] = {}
    for name, value in table.items():
        if name not in _KNOWN:
            raise ProfileError(f"{where}: unknown field {name!r}")
        try:
            if name in _HEX:
                value = bytes.fromhex(value)
            elif name == "omit":
                value = tuple(int(tag, 16) for tag in value)
        except (TypeError, ValueError):
            raise ProfileError(f"{where}: {name} must be hexadecimal text") from None
        values[name] = value
    missing = [name for name in _NEEDED if name not in values]
    if missing:
        raise ProfileError(f"{where}: {missing[0]} is missing")
    made = Application(**values)
    if not luhn(made.pan):
        raise ProfileError(f"{where}: pan has a wrong check digit")
    try:
        scheme = made.issuer.scheme
    except KeyError:
        raise ProfileError(
            f"{where}: no sandbox issuer has cards beginning {made.pan[:6]}"
        ) from None
    if made.applet != scheme or made.cvn not in issuers.CVNS[scheme]:
        raise ProfileError(f"{where}: applet and cvn must be those of {scheme}")
    if made.authentication not in _AUTHENTICATIONS[scheme]:
        raise ProfileError(f"{where}: a card of {scheme} cannot have oda = {made.oda!r}")
    if made.fault and made.fault not in faults.KINDS[made.authentication]:
        raise ProfileError(f"{where}: a card of this kind cannot have fault {made.fault!r}")
    if made.answer not in ("", "tc", "arqc", "aac"):
        raise ProfileError(f"{where}: answer must be tc, arqc or aac")
    return made


def luhn(pan: str) -> bool:
    """The check digit of ISO/IEC 7812-1, Annex B."""
    total = 0
    for place, digit in enumerate(reversed(pan)):
        value = int(digit) * (1 + place % 2)
        total += value - 9 if value > 9 else value
    return total % 10 == 0
