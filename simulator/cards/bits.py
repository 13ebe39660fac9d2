"""What the bits of EMV's coded elements say (EMV 4.3 Book 3, Annex C; Books C-2 and C-3, Annex
A)."""

from __future__ import annotations

from collections.abc import Callable

# tag -> a dictionary of bit -> meaning for each byte
_BITS: dict[int, tuple[dict[int, str], ...]] = {
    0x82: (
        {
            0x40: "SDA",
            0x20: "DDA",
            0x10: "cardholder verification",
            0x08: "terminal risk management",
            0x04: "issuer authentication",
            0x02: "on-device cardholder verification",
            0x01: "CDA",
        },
        {0x80: "EMV mode", 0x40: "mobile", 0x01: "relay resistance"},
    ),
    0x95: (
        {
            0x80: "offline data authentication not performed",
            0x40: "SDA failed",
            0x20: "ICC data missing",
            0x10: "on the exception list",
            0x08: "DDA failed",
            0x04: "CDA failed",
            0x02: "SDA selected",
        },
        {
            0x80: "different application versions",
            0x40: "expired",
            0x20: "not yet effective",
            0x10: "service not allowed",
            0x08: "new card",
        },
        {
            0x80: "cardholder not verified",
            0x40: "unrecognised CVM",
            0x20: "PIN try limit exceeded",
            0x10: "no PIN pad",
            0x08: "PIN not entered",
            0x04: "online PIN entered",
        },
        {
            0x80: "over the floor limit",
            0x40: "lower offline limit exceeded",
            0x20: "upper offline limit exceeded",
            0x10: "randomly selected",
            0x08: "merchant forced online",
        },
        {
            0x80: "default TDOL used",
            0x40: "issuer authentication failed",
            0x20: "script failed before final AC",
            0x10: "script failed after final AC",
            0x08: "relay resistance threshold exceeded",
            0x04: "relay resistance time limits exceeded",
        },
    ),
    0x9F33: (
        {0x80: "manual entry", 0x40: "magnetic stripe", 0x20: "contacts"},
        {
            0x80: "plaintext PIN",
            0x40: "online PIN",
            0x20: "signature",
            0x10: "enciphered offline PIN",
            0x08: "no CVM",
        },
        {0x80: "SDA", 0x40: "DDA", 0x20: "card capture", 0x08: "CDA"},
    ),
    0x9F66: (
        {
            0x80: "mag-stripe mode",
            0x20: "EMV mode",
            0x10: "contact chip",
            0x08: "offline only",
            0x04: "online PIN",
            0x02: "signature",
            0x01: "ODA for online authorisations",
        },
        {0x80: "online cryptogram required", 0x40: "CVM required", 0x20: "offline PIN"},
        {0x80: "issuer update", 0x40: "consumer device CVM"},
        {0x80: "fDDA version 1"},
    ),
    0x9F6C: (
        {
            0x80: "online PIN required",
            0x40: "signature required",
            0x20: "online if ODA fails",
            0x10: "switch interface if ODA fails",
            0x08: "online if expired",
            0x04: "switch interface for cash",
            0x02: "switch interface for cashback",
            0x01: "not for contactless ATM",
        },
        {0x80: "consumer device CVM performed", 0x40: "issuer update supported"},
    ),
    0x9F07: (
        {
            0x80: "domestic cash",
            0x40: "international cash",
            0x20: "domestic goods",
            0x10: "international goods",
            0x08: "domestic services",
            0x04: "international services",
            0x02: "at ATMs",
            0x01: "elsewhere than ATMs",
        },
        {0x80: "domestic cashback", 0x40: "international cashback"},
    ),
}
for _action_code in (0x9F0D, 0x9F0E, 0x9F0F):
    _BITS[_action_code] = _BITS[0x95]

_CVM = {
    0x00: "fail",
    0x01: "plaintext PIN by card",
    0x02: "online PIN",
    0x03: "plaintext PIN by card and signature",
    0x04: "enciphered PIN by card",
    0x05: "enciphered PIN by card and signature",
    0x1E: "signature",
    0x1F: "no CVM",
    0x3F: "no CVM performed",
}
_CVM_CONDITION = {
    0x00: "always",
    0x01: "if unattended cash",
    0x02: "if not cash or cashback",
    0x03: "if the terminal has it",
    0x04: "if manual cash",
    0x05: "if cashback",
    0x06: "if under X",
    0x07: "if over X",
    0x08: "if under Y",
    0x09: "if over Y",
}


def explain(tag: int, value: bytes) -> list[str]:
    """What `value` says, a line each; empty where there is nothing to add to the bytes."""
    special = _SPECIAL.get(tag)
    if special is not None:
        return special(value)
    meanings = _BITS.get(tag)
    if meanings is None:
        return []
    lines = []
    for place, (byte, names) in enumerate(zip(value, meanings, strict=False)):
        lines += [f"byte {place + 1}: {name}" for bit, name in names.items() if byte & bit]
    return lines


def _cryptogram_information(value: bytes) -> list[str]:
    if not value:
        return []
    return [
        {0x00: "AAC: declined", 0x40: "TC: approved", 0x80: "ARQC: ask online"}.get(
            value[0] & 0xC0, "?"
        )
    ]


def _file_locator(value: bytes) -> list[str]:
    lines = []
    for at in range(0, len(value) - 3, 4):
        sfi, first, last, signed = value[at] >> 3, *value[at + 1 : at + 4]
        records = f"record {first}" if first == last else f"records {first} to {last}"
        lines.append(f"file {sfi}, {records}" + (f", {signed} signed" if signed else ""))
    return lines


def _rule(rule: int, condition: int) -> str:
    method = _CVM.get(rule if rule == 0x3F else rule & 0x3F, "unknown method")
    more = ", else the next" if rule & 0x40 and rule != 0x3F else ""
    return f"{method} {_CVM_CONDITION.get(condition, 'if unknown')}{more}"


def _cvm_list(value: bytes) -> list[str]:
    if len(value) < 8:
        return []
    amounts = [int.from_bytes(value[i : i + 4], "big") for i in (0, 4)]
    lines = [f"X = {amounts[0]}, Y = {amounts[1]}"] if any(amounts) else []
    return lines + [_rule(value[i], value[i + 1]) for i in range(8, len(value) - 1, 2)]


def _cvm_results(value: bytes) -> list[str]:
    if len(value) != 3:
        return []
    result = {0: "unknown", 1: "failed", 2: "successful"}.get(value[2], "?")
    return [f"{_CVM.get(value[0] & 0x3F, 'unknown method')}: {result}"]


_SPECIAL: dict[int, Callable[[bytes], list[str]]] = {
    0x9F27: _cryptogram_information,
    0x94: _file_locator,
    0x8E: _cvm_list,
    0x9F34: _cvm_results,
}
