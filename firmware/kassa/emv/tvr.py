"""Terminal verification results, tag 95 (EMV 4.3 Book 3, Annex C5).

A bit is one number: byte index times 256, plus the bit.
"""

ODA_NOT_PERFORMED = 0x080
SDA_FAILED = 0x040
ICC_DATA_MISSING = 0x020
ON_EXCEPTION_LIST = 0x010
DDA_FAILED = 0x008
CDA_FAILED = 0x004
SDA_SELECTED = 0x002

VERSIONS_DIFFER = 0x180
EXPIRED = 0x140
NOT_YET_EFFECTIVE = 0x120
SERVICE_NOT_ALLOWED = 0x110
NEW_CARD = 0x108

CARDHOLDER_NOT_VERIFIED = 0x280
CVM_UNRECOGNISED = 0x240
PIN_TRY_LIMIT_EXCEEDED = 0x220
PIN_PAD_MISSING = 0x210
ONLINE_PIN_ENTERED = 0x204

FLOOR_LIMIT_EXCEEDED = 0x380
LOWER_LIMIT_EXCEEDED = 0x340
UPPER_LIMIT_EXCEEDED = 0x320
RANDOMLY_SELECTED = 0x310
FORCED_ONLINE = 0x308

RELAY_THRESHOLD_EXCEEDED = 0x408
RELAY_TIME_LIMITS_EXCEEDED = 0x404
RELAY_NOT_PERFORMED = 0x401
RELAY_PERFORMED = 0x402


def set_bit(tvr: bytearray, bit: int) -> None:
    """Set one of the bits above in the five bytes of `tvr`."""
    tvr[bit >> 8] |= bit & 0xFF


def is_set(tvr: bytearray, bit: int) -> bool:
    """Whether one of the bits above is set."""
    return bool(tvr[bit >> 8] & bit & 0xFF)
