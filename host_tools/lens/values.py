"""What the value of a data element says, in words.

`explain(tag, value, context)` gives a line each for bits, countries, currencies, amounts, dates,
names, lists.  Nothing is said about what needs no words (cryptograms, keys, random numbers).
"""

from __future__ import annotations

from collections.abc import Callable

from host_tools.lens import bits, cvm, issuer_data, kernel2
from host_tools.lens.applications import application
from host_tools.lens.context import Context
from host_tools.lens.countries import country
from host_tools.lens.currencies import CURRENCIES, money
from host_tools.lens.elements import ELEMENTS, UNKNOWN, title
from host_tools.lens.response_codes import RESPONSE_CODES

_TRANSACTION_TYPES = {
    "00": "purchase",
    "01": "cash",
    "09": "purchase with cashback",
    "12": "cash disbursement",
    "17": "cash disbursement",
    "20": "refund",
    "21": "deposit",
    "30": "balance inquiry",
    "31": "balance inquiry",
}
_TERMINAL_OWNERS = {"1": "of a bank", "2": "of a merchant", "3": "of the cardholder"}
_TERMINAL_KINDS = {
    "1": "attended, online only",
    "2": "attended, offline with online capability",
    "3": "attended, offline only",
    "4": "unattended, online only",
    "5": "unattended, offline with online capability",
    "6": "unattended, offline only",
}
_ENTRY_MODES = {
    "00": "unknown",
    "01": "typed",
    "02": "magnetic stripe",
    "03": "optical code",
    "05": "chip",
    "07": "contactless EMV",
    "10": "on file",
    "80": "magnetic stripe, the chip having failed",
    "90": "magnetic stripe, whole",
    "91": "contactless mag-stripe",
    "95": "chip, not to be relied upon",
}
_FORM_FACTORS = ("card", "mini-card", "no card", "phone", "worn on the wrist")
_FORM_FEATURES = {
    0x80: "can take a passcode",
    0x40: "has a signature panel",
    0x20: "has a hologram",
    0x10: "has a CVV2",
    0x08: "can answer messages",
    0x04: "payment credentials from the cloud",
    0x02: "can verify by biometrics",
}
_DEVICE_TYPES = {
    b"00": "card",
    b"01": "phone with the operator's removable element",
    b"02": "key fob",
    b"03": "watch",
    b"04": "tag on a phone",
    b"05": "wristband",
    b"06": "phone case",
    b"07": "phone",
}
_READER_AMEX = {
    0x00: "deprecated",
    0x40: "mag-stripe, no CVM required",
    0x48: "mag-stripe, CVM required",
    0x80: "deprecated: EMV and mag-stripe",
    0xC0: "EMV and mag-stripe, no CVM required",
    0xC8: "EMV and mag-stripe, CVM required",
}
_KERNELS = {
    1: "some Visa and JCB",
    2: "Mastercard",
    3: "Visa",
    4: "American Express",
    5: "JCB",
    6: "Discover",
    7: "UnionPay",
    8: "EMVCo",
}
_CARD_AMOUNTS = (0x9F50, 0x9F54, 0x9F5C, 0x9F77, 0x9F78, 0x9F79)


def explain(tag: int, value: bytes, context: Context | None = None) -> list[str]:
    """What `value` says, a line each; empty where there is nothing to add to the bytes."""
    context = Context() if context is None else context
    special = _SPECIAL.get(tag)
    if special is not None:
        lines = special(value, context)
    else:
        lines = bits.explain(tag, value, context.scheme)
    if lines is None:
        lines = []
        if ELEMENTS.get(tag, UNKNOWN).format in ("an", "ans"):
            lines = [text(value)] if value else []
    return [context.mask(line) for line in lines]


def text(value: bytes) -> str:
    """Letters (ISO 8859-1), a point for what cannot be printed."""
    return "".join(chr(c) if 0x20 <= c < 0x7F or c >= 0xA0 else "." for c in value)


def _digits(value: bytes, size: int) -> str:
    digits = value.hex()
    return digits if len(value) == size and digits.isdigit() else ""


def _amount(value: bytes, context: Context) -> list[str]:
    digits = value.hex()
    return [money(int(digits), context.currency)] if value and digits.isdigit() else []


def _binary_amount(value: bytes, context: Context) -> list[str]:
    return [money(int.from_bytes(value, "big"), context.currency)] if value else []


def _card_amount(value: bytes, context: Context) -> list[str]:
    digits = value.hex()
    if len(value) != 6 or not digits.isdigit():
        return []
    return [money(int(digits), context.card_currency or context.currency)]


def _spending_amount(value: bytes, context: Context) -> list[str]:
    if context.scheme == "mastercard" and len(value) == 3:
        return kernel2.application_capabilities(value)
    return _card_amount(value, context)


def _date(value: bytes, _: Context) -> list[str]:
    digits = _digits(value, 3)
    if not digits:
        return []
    year, month, day = digits[:2], digits[2:4], digits[4:]
    if not "01" <= month <= "12" or not "00" <= day <= "31":
        return ["no date"]
    # EMV 4.4 Book 4, 6.7.3: years from 50 are of the last century.
    return [f"{'19' if year >= '50' else '20'}{year}-{month}-{day}"]


def _time(value: bytes, _: Context) -> list[str]:
    digits = _digits(value, 3)
    return [f"{digits[:2]}:{digits[2:4]}:{digits[4:]}"] if digits else []


def _country(value: bytes, _: Context) -> list[str]:
    digits = _digits(value, 2)
    return [country(digits[1:]) or "no country"] if digits else []


def _currency(value: bytes, _: Context) -> list[str]:
    digits = _digits(value, 2)
    if not digits:
        return []
    known = CURRENCIES.get(digits[1:])
    return [f"{known.name} ({known.letters})" if known else "no currency"]


def _listed(names: dict[str, str]) -> Callable[[bytes, Context], list[str]]:
    return lambda value, _: [names[value.hex()]] if value.hex() in names else []


def _counter(value: bytes, _: Context) -> list[str]:
    return [str(int.from_bytes(value, "big"))] if value else []


def _aid(value: bytes, _: Context) -> list[str]:
    name = application(value)
    return [name] if name else []


def _track_2(value: bytes, _: Context) -> list[str]:
    number, separator, rest = value.hex().upper().partition("D")
    if not separator or not number.isdigit() or len(rest) < 7:
        return []
    lines = [f"account {number}", f"expires {rest[2:4]}/{rest[:2]}"]
    return [*lines, f"service code {rest[4:7]}"]


def _account(value: bytes, _: Context) -> list[str]:
    number = value.hex().upper().rstrip("F")
    return [f"account {number}"] if number.isdigit() else []


def _cryptogram_information(value: bytes, _: Context) -> list[str]:
    if not value:
        return []
    lines = [("AAC: declined", "TC: approved", "ARQC: ask online", "?")[value[0] >> 6]]
    lines += ["advice required"] if value[0] & 0x08 else []
    reason = ("", "service not allowed", "PIN try limit exceeded", "issuer authentication failed")
    return lines + [text for text in reason[value[0] & 0x07 : (value[0] & 0x07) + 1] if text]


def _file_locator(value: bytes, _: Context) -> list[str]:
    lines = []
    for at in range(0, len(value) - 3, 4):
        sfi, first, last, signed = value[at] >> 3, *value[at + 1 : at + 4]
        records = f"record {first}" if first == last else f"records {first} to {last}"
        lines.append(f"file {sfi}, {records}" + (f", {signed} signed" if signed else ""))
    return lines + (["not whole: 4 bytes an entry"] if len(value) % 4 else [])


def _cvm_list(value: bytes, context: Context) -> list[str]:
    return cvm.rules(value, context.card_currency or context.currency)


def _terminal_type(value: bytes, _: Context) -> list[str]:
    digits = _digits(value, 1)
    if not digits or digits[0] not in _TERMINAL_OWNERS or digits[1] not in _TERMINAL_KINDS:
        return []
    return [f"{_TERMINAL_KINDS[digits[1]]}, {_TERMINAL_OWNERS[digits[0]]}"]


def _response_code(value: bytes, _: Context) -> list[str]:
    code = text(value)
    known = RESPONSE_CODES.get(code)
    return [f"{code}: {known}" if known else code]


def _priority(value: bytes, _: Context) -> list[str]:
    if len(value) != 1:
        return []
    place = value[0] & 0x0F
    lines = [f"priority {place}" if place else "no priority"]
    return lines + (["the cardholder must confirm"] if value[0] & 0x80 else [])


def _kernel(value: bytes, _: Context) -> list[str]:
    if not value:
        return []
    name = _KERNELS.get(value[0] & 0x3F, "unknown")
    kind = ("international", "international", "domestic, EMVCo's form", "domestic")[value[0] >> 6]
    return [f"kernel {value[0] & 0x3F} ({name})" if value[0] < 0x80 else f"{kind} kernel"]


def _tag_list(value: bytes, context: Context) -> list[str]:
    names = []
    at = 0
    while at < len(value):
        end = at + 1
        if value[at] & 0x1F == 0x1F:
            while end < len(value) and value[end] & 0x80:
                end += 1
            end += 1
        tag = int.from_bytes(value[at:end], "big")
        names.append(f"{tag:X} {title(tag, context.scheme)}")
        at = end
    return names


def _form_factor(value: bytes, context: Context) -> list[str] | None:
    if context.scheme == "amex":
        return bits.explain(0x9F6E, value, "amex")
    if context.scheme == "mastercard" or (not context.scheme and len(value) > 4):
        return _third_party(value)
    if len(value) != 4 or context.scheme not in ("", "visa"):
        return []
    form = value[0] & 0x1F
    lines = [_FORM_FACTORS[form] if form < len(_FORM_FACTORS) else f"form factor {form}"]
    lines += [name for bit, name in _FORM_FEATURES.items() if value[1] & bit]
    return lines + (["contactless"] if not value[3] & 0x0F else [])


def _third_party(value: bytes) -> list[str]:
    if len(value) < 4:
        return []
    lines = [f"country: {name}" for name in _country(value[:2], Context())]
    lines.append(f"identifier {value[2:4].hex().upper()}")
    rest = value[4:]
    if not value[2] & 0x80 and len(rest) >= 2:
        lines.append(f"device: {_DEVICE_TYPES.get(rest[:2], text(rest[:2]))}")
        rest = rest[2:]
    return lines + ([f"proprietary: {rest.hex().upper()}"] if rest else [])


def _reader_capabilities(value: bytes, context: Context) -> list[str]:
    if context.scheme != "amex" or len(value) != 1:
        return []
    return [_READER_AMEX.get(value[0] & 0xC8, "reserved")]


def _mobile_results(value: bytes, context: Context) -> list[str]:
    return cvm.mobile_results(value) if context.scheme == "amex" else []


def _dynamic_card_data(value: bytes, context: Context) -> list[str]:
    """9F69 of kernels 3 and 7: version, the card's random number, the CTQ once more."""
    if context.scheme == "mastercard" or len(value) < 5:
        return []
    lines = [f"fDDA version {value[0]:02X}", f"card's random number {value[1:5].hex().upper()}"]
    for line in bits.explain(0x9F6C, value[5:7]) or []:
        lines.append(f"CTQ {line}")
    return lines


def _certificate(value: bytes, _: Context) -> list[str]:
    return [f"{8 * len(value)} bits, sealed by the key above it"] if value else []


_SPECIAL: dict[int, Callable[[bytes, Context], list[str] | None]] = {
    0x4F: _aid,
    0x57: _track_2,
    0x5A: _account,
    0x5F24: _date,
    0x5F25: _date,
    0x5F28: _country,
    0x5F2A: _currency,
    0x81: _binary_amount,
    0x84: _aid,
    0x87: _priority,
    0x8A: _response_code,
    0x8E: _cvm_list,
    0x90: _certificate,
    0x94: _file_locator,
    0x9A: _date,
    0x9C: _listed(_TRANSACTION_TYPES),
    0x9F02: _amount,
    0x9F03: _amount,
    0x9F04: _binary_amount,
    0x9F06: _aid,
    0x9F10: lambda value, context: issuer_data.explain(value, context.scheme),
    0x9F13: _counter,
    0x9F17: _counter,
    0x9F1A: _country,
    0x9F1B: _binary_amount,
    0x9F21: _time,
    0x9F27: _cryptogram_information,
    0x9F2A: _kernel,
    0x9F34: lambda value, _: cvm.results(value),
    0x9F35: _terminal_type,
    0x9F36: _counter,
    0x9F39: _listed(_ENTRY_MODES),
    0x9F3B: _currency,
    0x9F3C: _currency,
    0x9F42: _currency,
    0x9F46: _certificate,
    0x9F4A: _tag_list,
    0x9F57: _country,
    0x9F5D: _spending_amount,
    0x9F69: _dynamic_card_data,
    0x9F6B: _track_2,
    0x9F6D: _reader_capabilities,
    0x9F6E: _form_factor,
    0x9F71: _mobile_results,
    0xDF8106: _tag_list,
    0xDF810C: _kernel,
    0xDF8112: _tag_list,
    0xDF8115: lambda value, _: kernel2.error_indication(value),
    0xDF8116: lambda value, _: kernel2.user_interface_request(value),
    0xDF8129: lambda value, _: kernel2.outcome_parameters(value),
    **dict.fromkeys(_CARD_AMOUNTS, _card_amount),
    **dict.fromkeys((0xDF8104, 0xDF8105), _card_amount),
    **dict.fromkeys((0xDF8123, 0xDF8124, 0xDF8125, 0xDF8126), _amount),
}
