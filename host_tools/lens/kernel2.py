"""What kernel 2 says about itself: outcome, user interface request, error (Book C-2, Annex A)."""

from __future__ import annotations

_STATUS = {
    0x1: "approved",
    0x2: "declined",
    0x3: "online request",
    0x4: "end application",
    0x5: "select next",
    0x6: "try another interface",
    0x7: "try again",
    0xF: "no outcome",
}
_START = {0x0: "start A", 0x1: "start B", 0x2: "start C", 0x3: "start D"}
_CVM = {0x0: "no CVM", 0x1: "signature", 0x2: "online PIN", 0x3: "confirmation code verified"}
_PARTS = {
    0x80: "user interface request now",
    0x40: "user interface request on restart",
    0x20: "data record",
    0x10: "discretionary data",
    0x08: "receipt",
}
_MESSAGES = {
    0x03: "approved",
    0x07: "not authorised",
    0x09: "enter PIN",
    0x0F: "processing error",
    0x10: "remove card",
    0x14: "welcome",
    0x15: "present card",
    0x16: "processing",
    0x17: "card read OK",
    0x18: "insert or swipe",
    0x19: "one card only",
    0x1A: "approved, please sign",
    0x1B: "authorising",
    0x1C: "try another card",
    0x1D: "insert card",
    0x20: "see phone",
    0x21: "present again",
    0xFF: "no message",
}
_UI_STATUS = {
    0x00: "not ready",
    0x01: "idle",
    0x02: "ready to read",
    0x03: "processing",
    0x04: "card read successfully",
    0x05: "processing error",
    0xFF: "no status",
}
_L1 = {0: "", 1: "time-out", 2: "transmission error", 3: "protocol error"}
_L2 = (
    "",
    "card data missing",
    "CAM failed",
    "status bytes",
    "parsing error",
    "maximum limit exceeded",
    "card data error",
    "mag-stripe mode not supported",
    "no PPSE",
    "PPSE fault",
    "empty candidate list",
    "IDS read error",
    "IDS write error",
    "IDS data error",
    "no matching AC for IDS",
    "terminal data error",
)
_L3 = {0: "", 1: "time-out", 2: "stopped", 3: "amount not present"}


def outcome_parameters(value: bytes) -> list[str]:
    """Outcome parameter set (DF8129), 8 bytes."""
    if len(value) != 8:
        return []
    lines = [_STATUS.get(value[0] >> 4, "unknown outcome")]
    lines += [_START[value[1] >> 4]] if value[1] >> 4 in _START else []
    lines += [f"CVM: {_CVM[value[3] >> 4]}"] if value[3] >> 4 in _CVM else []
    lines += [f"with {name}" for bit, name in _PARTS.items() if value[4] & bit]
    lines += [f"field off for {100 * value[6]} ms"] if value[6] != 0xFF else []
    return lines + ([f"removal time-out {100 * value[7]} ms"] if value[7] else [])


def user_interface_request(value: bytes) -> list[str]:
    """User interface request data (DF8116), 22 bytes."""
    if len(value) != 22:
        return []
    lines = [f"message {value[0]:02X}: {_MESSAGES.get(value[0], 'unknown')}"]
    lines.append(f"status: {_UI_STATUS.get(value[1], 'unknown')}")
    hold = value[2:5].hex()
    return lines + ([f"hold {100 * int(hold)} ms"] if hold.isdigit() and int(hold) else [])


def error_indication(value: bytes) -> list[str]:
    """Error indication (DF8115), 6 bytes."""
    if len(value) != 6:
        return []
    second = _L2[value[1]] if value[1] < len(_L2) else "unknown error"
    named = (("L1", _L1.get(value[0], "?")), ("L2", second), ("L3", _L3.get(value[2], "?")))
    lines = [f"{level}: {name}" for level, name in named if name]
    lines += [f"status word {value[3:5].hex().upper()}"] if any(value[3:5]) else []
    return lines or ["no error"]


def application_capabilities(value: bytes) -> list[str]:
    """Application capabilities information (9F5D), 3 bytes."""
    lines = [f"version {value[0] >> 4}"]
    version = value[0] & 0x0F
    lines.append(f"data storage version {version}" if version else "no data storage")
    names = {0x04: "field off detection", 0x02: "balance reading", 0x01: "CDA over all data"}
    return lines + [name for bit, name in names.items() if value[1] & bit]
