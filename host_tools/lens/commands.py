"""Commands and status words by name (ISO/IEC 7816-4; EMV 4.4 Books 1 and 3; Books C-2 and C-3)."""

from __future__ import annotations

# (class, instruction) -> name
COMMANDS = {
    (0x00, 0xA4): "SELECT",
    (0x80, 0xA8): "GET PROCESSING OPTIONS",
    (0x00, 0xB2): "READ RECORD",
    (0x80, 0xAE): "GENERATE AC",
    (0x80, 0xCA): "GET DATA",
    (0x80, 0xDA): "PUT DATA",
    (0x00, 0x82): "EXTERNAL AUTHENTICATE",
    (0x00, 0x84): "GET CHALLENGE",
    (0x00, 0x88): "INTERNAL AUTHENTICATE",
    (0x80, 0x2A): "COMPUTE CRYPTOGRAPHIC CHECKSUM",
    (0x80, 0xD0): "RECOVER AC",
    (0x80, 0xEA): "EXCHANGE RELAY RESISTANCE DATA",
    (0x00, 0xC0): "GET RESPONSE",
    (0x00, 0x20): "VERIFY",
    (0x84, 0x1E): "APPLICATION BLOCK",
    (0x84, 0x18): "APPLICATION UNBLOCK",
    (0x84, 0x16): "CARD BLOCK",
    (0x84, 0x24): "PIN CHANGE/UNBLOCK",
    (0x04, 0xDC): "UPDATE RECORD",
    (0x04, 0xDA): "PUT DATA",
}

STATUS_WORDS = {
    0x9000: "done",
    0x6200: "no information given",
    0x6283: "selected file invalidated",
    0x6300: "authentication failed",
    0x6700: "wrong length",
    0x6982: "security status not satisfied",
    0x6983: "authentication method blocked",
    0x6984: "referenced data invalidated: use another interface",
    0x6985: "conditions of use not satisfied",
    0x6986: "command not allowed: see phone",
    0x6A80: "wrong data",
    0x6A81: "function not supported",
    0x6A82: "file or application not found",
    0x6A83: "record not found",
    0x6A84: "not enough memory",
    0x6A86: "wrong P1 P2",
    0x6A88: "referenced data not found",
    0x6B00: "wrong parameters",
    0x6D00: "instruction not supported",
    0x6E00: "class not supported",
    0x6F00: "no precise diagnosis",
}


def meaning(sw: int) -> str:
    """What a status word says."""
    known = STATUS_WORDS.get(sw)
    if known is not None:
        return known
    first, second = sw >> 8, sw & 0xFF
    if first == 0x61:
        return f"{second} more bytes to fetch"
    if first == 0x6C:
        return f"wrong length expected: {second}"
    if first == 0x63 and second & 0xF0 == 0xC0:
        return f"{second & 0x0F} tries left"
    return "unknown status"


def command_name(command: bytes) -> str:
    """A command's name by its first two bytes; "?" for what is too short to be one."""
    if len(command) < 4:
        return "?"
    return COMMANDS.get((command[0], command[1]), "unknown command")
