"""Issuer application data (9F10): key, cryptogram version and what the card made of it (CVR).

The element is the issuer's business; what is public is said here: EMV 4.4 Book 3, Annex C9 (CCD),
Visa's formats 0 to 4 (VCPS, Appendix M), M/Chip's, and the shape that others took from Visa's.
"""

from __future__ import annotations

_CRYPTOGRAMS = ("AAC", "TC", "ARQC", "?")
_SECOND = ("AAC", "TC", "not requested", "?")

_VISA_2 = {
    0x08: "issuer authentication failed",
    0x04: "offline PIN verified or tried",
    0x02: "offline PIN failed",
    0x01: "unable to go online",
}
_VISA_3 = {
    0x80: "last online transaction not completed",
    0x40: "PIN try limit exceeded",
    0x20: "velocity counters exceeded",
    0x10: "new card",
    0x08: "issuer authentication failed in the last online transaction",
    0x04: "issuer authentication not performed after online authorisation",
    0x02: "application blocked because of the PIN try limit",
    0x01: "SDA failed in the last transaction",
}
_VISA_4 = {
    0x08: "script failed",
    0x04: "DDA failed in the last transaction",
    0x02: "DDA performed",
    0x01: "PIN expected and not received",
}
_VISA_DEVICE_2 = {**_VISA_2, 0x04: "consumer device CVM performed", 0x02: "bit 2, reserved"}
_DEVICE_VERIFIED = {
    0x0: "no consumer device CVM",
    0x1: "passcode",
    0x2: "finger",
    0x3: "pattern",
    0x4: "face",
    0x5: "iris",
    0x6: "voice",
    0x7: "palm",
    0xD: "signature",
    0xE: "online PIN",
}
_MCHIP_1 = {
    0x08: "date check failed",
    0x04: "offline PIN verification performed",
    0x02: "offline PIN was enciphered",
    0x01: "offline PIN verified",
}
_MCHIP_2 = {
    0x80: "DDA returned",
    0x40: "CDA returned with the first cryptogram",
    0x20: "CDA returned with the second cryptogram",
    0x10: "issuer authentication performed",
    0x08: "CIAC default skipped",
    0x04: "offline PIN change successful",
}
_MCHIP_4 = {
    0x80: "last online transaction not completed",
    0x40: "unable to go online",
    0x20: "offline PIN not verified",
    0x10: "offline PIN failed",
    0x08: "PIN try limit exceeded",
    0x04: "international transaction",
    0x02: "domestic transaction",
    0x01: "terminal wrongly considers the offline PIN right",
}
_MCHIP_5 = {
    0x80: "lower consecutive offline limit exceeded",
    0x40: "upper consecutive offline limit exceeded",
    0x20: "lower cumulative offline limit exceeded",
    0x10: "upper cumulative offline limit exceeded",
    0x08: "go online next time was set",
    0x04: "issuer authentication failed",
    0x02: "script received",
    0x01: "script failed",
}
_MCHIP_6 = {
    0x80: "lower consecutive offline limit 2 exceeded",
    0x40: "upper consecutive offline limit 2 exceeded",
    0x20: "lower cumulative offline limit 2 exceeded",
    0x10: "upper cumulative offline limit 2 exceeded",
    0x08: "single amount limit exceeded",
    0x04: "days offline limit exceeded",
    0x02: "match in the additional check table",
    0x01: "no match in the additional check table",
}
_CCD_1 = {
    0x08: "CDA performed",
    0x04: "DDA performed",
    0x02: "issuer authentication not performed",
    0x01: "issuer authentication failed",
}
_CCD_2 = {
    0x08: "offline PIN verification performed",
    0x04: "offline PIN failed",
    0x02: "PIN try limit exceeded",
    0x01: "last online transaction not completed",
}
_CCD_3 = {
    0x80: "lower offline count limit exceeded",
    0x40: "upper offline count limit exceeded",
    0x20: "lower cumulative offline limit exceeded",
    0x10: "upper cumulative offline limit exceeded",
}
_CCD_4 = {
    0x08: "script failed",
    0x04: "ODA failed in the last transaction",
    0x02: "go online next time was set",
    0x01: "unable to go online",
}


def explain(value: bytes, scheme: str = "") -> list[str]:
    """9F10 in words, a line each; empty for a format that is not public."""
    first, size = value[:1], len(value)
    if first == b"\x0f" and size == 32 and value[1] & 0xF0 == 0xA0 and value[16] == 0x0F:
        return _ccd(value)
    if first in (b"\x06", b"\x07") and size >= 7 and value[3] == 3:
        return _visa_shape(value, scheme)
    if first == b"\x1f" and size == 32 and scheme in ("", "visa"):
        return _visa_device(value)
    if size >= 10 and value[1] & 0xFA == 0x10 and scheme in ("", "mastercard"):
        return _mchip(value)
    return []


def _visa_shape(value: bytes, scheme: str) -> list[str]:
    lines = [f"key {value[1]}, cryptogram version {value[2]} ({value[2]:02X})"]
    lines += [f"card: {line}" for line in _decided(value[4])]
    if scheme in ("", "visa", "unionpay"):
        lines += _named(value[4], _VISA_2) + _named(value[5], _VISA_3) + _scripts(value[6])
        lines += _named(value[6], _VISA_4)
    if len(value) > 7:
        lines.append(f"issuer's own: {value[7:].hex().upper()}")
    return lines


def _visa_device(value: bytes) -> list[str]:
    lines = [f"key {value[2]}, cryptogram version {value[1]} ({value[1]:02X})"]
    lines.append(f"card: {_DEVICE_VERIFIED.get(value[3] & 0x0F, 'unknown verification')}")
    lines += [f"card: {line}" for line in _decided(value[4])]
    lines += _named(value[4], _VISA_DEVICE_2) + _named(value[5], _VISA_3) + _scripts(value[6])
    return lines + _named(value[6], _VISA_4)


def _mchip(value: bytes) -> list[str]:
    session = {0x00: "Mastercard's session key", 0x04: "EMV's session key"}[value[1] & 0x04]
    lines = [f"key {value[0]}, cryptogram version {value[1]:02X}: {session}"]
    if value[1] & 0x01:
        lines[0] += ", counters included"
    lines += [f"card: {line}" for line in _decided(value[2])]
    lines += _named(value[2], _MCHIP_1) + _named(value[3], _MCHIP_2)
    lines.append(f"card: script counter {value[4] >> 4}, PIN tries left {value[4] & 0x0F}")
    for byte, names in zip(value[5:8], (_MCHIP_4, _MCHIP_5, _MCHIP_6), strict=False):
        lines += _named(byte, names)
    lines.append(f"authentication code or dynamic number {value[8:10].hex().upper()}")
    if len(value) > 10:
        lines.append(f"counters {value[10:].hex().upper()}")
    return lines


def _ccd(value: bytes) -> list[str]:
    cipher = {5: "TDES", 6: "AES"}.get(value[1] & 0x0F, "unknown cipher")
    lines = [f"common core definitions, key {value[2]}, {cipher}"]
    lines += [f"card: {line}" for line in _decided(value[3])]
    lines += _named(value[3], _CCD_1)
    lines.append(f"card: PIN tries left {value[4] >> 4}")
    lines += _named(value[4], _CCD_2) + _named(value[5], _CCD_3) + _scripts(value[6])
    return lines + _named(value[6], _CCD_4)


def _decided(byte: int) -> list[str]:
    """First and second cryptogram, as every CVR has them."""
    lines = [f"first cryptogram {_CRYPTOGRAMS[byte >> 4 & 3]}"]
    second = _SECOND[byte >> 6]
    return [*lines, f"second cryptogram {second}"] if second != "not requested" else lines


def _named(byte: int, names: dict[int, str]) -> list[str]:
    return [f"card: {name}" for bit, name in names.items() if byte & bit]


def _scripts(byte: int) -> list[str]:
    count = byte >> 4
    return [f"card: {count} script command{'s' * (count > 1)} processed"] if count else []
