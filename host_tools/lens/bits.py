"""What the bits of EMV's coded elements say.

Sources: EMV 4.4 Book 3, Annex C (82, 95, 9B, 9F07); Book 4, Annex A (9F33, 9F40); Book A, table
5-4 (9F66); Book C-2, Annex A; Book C-3, Annex A (9F6C); Book C-4, tables 4-2 and 4-4.  Bits are
written as masks; a reader is told byte and meaning.
"""

from __future__ import annotations

# for each byte, bit -> meaning
Meanings = tuple[dict[int, str], ...]

_CAPABILITY_CARD_INPUT = {0x80: "manual entry", 0x40: "magnetic stripe", 0x20: "contacts"}
_CAPABILITY_CVM = {
    0x80: "plaintext PIN",
    0x40: "online PIN",
    0x20: "signature",
    0x10: "enciphered offline PIN",
    0x08: "no CVM",
    0x04: "online biometric",
    0x02: "offline biometric",
    0x01: "enciphered offline PIN (ECC)",
}
_CAPABILITY_SECURITY = {
    0x80: "SDA",
    0x40: "DDA",
    0x20: "card capture",
    0x08: "CDA",
    0x04: "XDA",
}

BITS: dict[int, Meanings] = {
    0x82: (
        {
            0x80: "XDA",
            0x40: "SDA",
            0x20: "DDA",
            0x10: "cardholder verification",
            0x08: "terminal risk management",
            0x04: "issuer authentication",
            0x02: "on-device cardholder verification",
            0x01: "CDA",
        },
        {
            0x80: "EMV mode",
            0x40: "mobile",
            0x20: "contactless transaction",
            0x01: "relay resistance",
        },
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
            0x01: "XDA selected",
        },
        {
            0x80: "different application versions",
            0x40: "expired",
            0x20: "not yet effective",
            0x10: "service not allowed",
            0x08: "new card",
            0x02: "biometric performed and successful",
            0x01: "biometric template format not supported",
        },
        {
            0x80: "cardholder not verified",
            0x40: "unrecognised CVM",
            0x20: "PIN try limit exceeded",
            0x10: "no PIN pad",
            0x08: "PIN not entered",
            0x04: "online PIN entered",
            0x02: "biometric device not working",
            0x01: "biometric entry bypassed",
        },
        {
            0x80: "over the floor limit",
            0x40: "lower offline limit exceeded",
            0x20: "upper offline limit exceeded",
            0x10: "randomly selected",
            0x08: "merchant forced online",
            0x04: "biometric try limit exceeded",
            0x02: "biometric type not supported",
            0x01: "XDA failed",
        },
        {
            0x80: "default TDOL used",
            0x40: "issuer authentication failed",
            0x20: "script failed before final AC",
            0x10: "script failed after final AC",
            0x08: "relay resistance threshold exceeded",
            0x04: "relay resistance time limits exceeded",
            0x02: "relay resistance performed",
            0x01: "relay resistance not performed",
        },
    ),
    0x9B: (
        {
            0x80: "offline data authentication performed",
            0x40: "cardholder verification performed",
            0x20: "card risk management performed",
            0x10: "issuer authentication performed",
            0x08: "terminal risk management performed",
            0x04: "script processing performed",
        },
        {},
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
    0x9F1D: (
        {
            0x80: "restart supported",
            0x40: "online PIN (contactless)",
            0x20: "signature (contactless)",
            0x10: "enciphered offline PIN (contactless)",
            0x08: "no CVM (contactless)",
            0x04: "consumer device CVM (contactless)",
            0x02: "plaintext PIN (contactless)",
            0x01: "present and hold supported",
        },
        {
            0x80: "CVM limit exceeded",
            0x40: "online PIN (contact)",
            0x20: "signature (contact)",
            0x10: "enciphered offline PIN (contact)",
            0x08: "no CVM (contact)",
            0x04: "consumer device CVM (contact)",
            0x02: "plaintext PIN (contact)",
        },
        {
            0x80: "no contactless mag-stripe mode",
            0x40: "no contactless EMV mode",
            0x20: "consumer device CVM without CDA",
        },
        {0x80: "CDCVM bypass requested", 0x40: "SCA exempt"},
    ),
    0x9F33: (_CAPABILITY_CARD_INPUT, _CAPABILITY_CVM, _CAPABILITY_SECURITY),
    0x9F40: (
        {
            0x80: "cash",
            0x40: "goods",
            0x20: "services",
            0x10: "cashback",
            0x08: "inquiry",
            0x04: "transfer",
            0x02: "payment",
            0x01: "administrative",
        },
        {0x80: "cash deposit"},
        {
            0x80: "numeric keys",
            0x40: "alphabetic and special keys",
            0x20: "command keys",
            0x10: "function keys",
        },
        {
            0x80: "prints for the attendant",
            0x40: "prints for the cardholder",
            0x20: "display for the attendant",
            0x10: "display for the cardholder",
            0x02: "code table 10",
            0x01: "code table 9",
        },
        {1 << bit: f"code table {bit + 1}" for bit in reversed(range(8))},
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
        {
            0x80: "issuer update",
            0x40: "consumer device CVM",
            0x08: "consumer device CVM required",
        },
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
    0xDF4B: (
        {},
        {
            0x10: "offline PIN verified",
            0x08: "context is conflicting",
            0x04: "PIN has to be changed",
            0x02: "acknowledgement required",
            0x01: "PIN required",
        },
        {},
    ),
    0xDF8117: (_CAPABILITY_CARD_INPUT,),
    0xDF8118: (_CAPABILITY_CVM,),
    0xDF8119: (_CAPABILITY_CVM,),
    0xDF811B: (
        {
            0x80: "no mag-stripe mode",
            0x40: "no EMV mode",
            0x20: "on-device cardholder verification",
            0x10: "relay resistance",
            0x08: "reserved for the payment system",
            0x04: "reads all records even without CDA",
        },
    ),
    0xDF811F: (_CAPABILITY_SECURITY,),
}
for _action_code in (0x9F0D, 0x9F0E, 0x9F0F, 0xDF8120, 0xDF8121, 0xDF8122):
    BITS[_action_code] = BITS[0x95]

OF_A_SCHEME: dict[tuple[str, int], Meanings] = {
    ("amex", 0x9F6E): (
        {
            0x80: "contact mode",
            0x40: "contactless mag-stripe mode",
            0x20: "contactless EMV full online mode",
            0x10: "contactless EMV partial online mode",
            0x08: "contactless mobile",
            0x04: "tries another interface after a decline",
        },
        {
            0x80: "mobile CVM",
            0x40: "online PIN",
            0x20: "signature",
            0x10: "plaintext offline PIN",
        },
        {0x80: "offline only", 0x40: "CVM required"},
        {
            0x80: "exempt from no CVM checks",
            0x40: "delayed authorisation terminal",
            0x20: "transit terminal",
        },
    ),
}

# Numbers inside a byte, which are no bits of their own.
_NUMBERS = {("amex", 0x9F6E, 3): 0x07, ("", 0xDF4B, 0): 0xFF}


def explain(tag: int, value: bytes, scheme: str = "") -> list[str] | None:
    """The bits of `value` in words, a line each; None for an element that is not coded in bits."""
    meanings = OF_A_SCHEME.get((scheme, tag)) or BITS.get(tag)
    if meanings is None or (scheme == "mastercard" and tag == 0x9F66):
        return None
    lines = []
    for place, (byte, names) in enumerate(zip(value, meanings, strict=False)):
        number = _NUMBERS.get((scheme, tag, place)) or _NUMBERS.get(("", tag, place)) or 0
        for bit in (0x80, 0x40, 0x20, 0x10, 0x08, 0x04, 0x02, 0x01):
            if byte & bit and not number & bit:
                name = names.get(bit) or f"bit {bit.bit_length()}, reserved"
                lines.append(f"byte {place + 1}: {name}")
    if not lines and value and len(value) == len(meanings):
        lines.append("no bit is set")
    return lines
