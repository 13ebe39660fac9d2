"""The terminal's EMV configuration: which cards it takes, by which kernel, up to which amounts.

A dictionary as JSON or TOML gives it:

    {"terminal": {"type": "22", "currency_exponent": 2, "offline_approval": false,
                  "device_serial": "4B41535341303031", "tags": {"9F40": "6000F00001"}},
     "combinations": [
       {"aid": "A0000000031010", "kernel": 3, "scheme": "visa", "ttq": "20004000",
        "transaction_limit": 500000, "floor_limit": 0, "cvm_limit": 5000,
        "program_limits": [{"program": "7801", "cvm_limit": 2500}]},
       {"aid": "A0000000041010", "kernel": 2, "scheme": "mastercard",
        "floor_limit": 0, "cvm_limit": 5000, "tags": {"9F09": "0002"},
        "kernel2": {"limit": 500000, "limit_on_device": 500000, "tac_online": "F45084800C"}}]}

Bytes are hexadecimal text, amounts minor units.  Whatever is wrong raises ConfigError, which names
the AID and the field; what is left out has the default shown beside it below.
"""

import json
from typing import TYPE_CHECKING

from kassa.emv.errors import ConfigError

if TYPE_CHECKING:
    from typing import Any

# Kinds of fields: (kind, least, most, default); None as default means "not present", _NEEDED that
# there is none.
_NEEDED = ()
_AMOUNT = ("amount", 0, 10**12 - 1, None)
_FLAG = ("flag", 0, 0, False)
_TAGS = ("tags", 0, 0, None)

_TERMINAL = {
    "type": ("hex", 1, 1, b"\x22"),  # 9F35: attended, merchant, offline with online capability
    "currency_exponent": ("number", 0, 4, 2),  # 5F36
    "offline_approval": _FLAG,
    "device_serial": ("hex", 8, 8, b"00000001"),  # 9F1E, an
    "merchant_category": ("hex", 2, 2, b"\x00\x00"),  # 9F15
    "additional_capabilities": (
        "hex",
        5,
        5,
        b"\x60\x00\xf0\x00\x01",
    ),  # 9F40: goods, services; numeric keys; print
    "tags": _TAGS,
}
# What Entry Point and dynamic reader limits share (Book A, table 5-2)
_LIMITS = {
    "status_check": _FLAG,
    "zero_amount_allowed": ("flag", 0, 0, None),
    "transaction_limit": _AMOUNT,
    "floor_limit": _AMOUNT,
    "cvm_limit": _AMOUNT,
}
_COMBINATION = {
    "aid": ("hex", 5, 16, _NEEDED),
    "kernel": ("number", 1, 0xFFFFFF, _NEEDED),
    "scheme": ("text", 1, 20, "card"),
    "ttq": ("hex", 4, 4, None),
    "terminal_floor_limit": _AMOUNT,  # 9F1B, where there is no reader floor limit
    "extended_selection": _FLAG,
    "program_limits": ("list", 0, 16, None),
    "kernel2": ("table", 0, 0, None),
    "tags": _TAGS,
}
_COMBINATION.update(_LIMITS)
_PROGRAM = {"program": ("hex", 1, 16, _NEEDED)}
_PROGRAM.update(_LIMITS)
_KERNEL2 = {
    "limit": _AMOUNT,  # DF8124: reader contactless transaction limit (no on-device CVM)
    "limit_on_device": _AMOUNT,  # DF8125: the same for on-device CVM
    "configuration": (
        "hex",
        1,
        1,
        b"\xa0",
    ),  # DF811B: 80 no mag-stripe mode, 20 on-device verification
    "card_data_input": (
        "hex",
        1,
        1,
        b"\x00",
    ),  # DF8117: 9F33 byte 1; 20 would be a slot for contact chips
    "cvm_capability": ("hex", 1, 1, b"\x08"),  # DF8118: 9F33 byte 2 over the CVM limit
    "cvm_capability_no_cvm": ("hex", 1, 1, b"\x08"),  # DF8119: 9F33 byte 2 up to it
    "security_capability": ("hex", 1, 1, b"\x00"),  # DF811F: 9F33 byte 3; 08 is CDA
    "tac_default": ("hex", 5, 5, b"\x84\x00\x00\x00\x0c"),  # DF8120
    "tac_denial": ("hex", 5, 5, b"\x00\x00\x00\x00\x00"),  # DF8121
    "tac_online": ("hex", 5, 5, b"\x84\x00\x00\x00\x0c"),  # DF8122
    "torn_records": ("number", 0, 4, 0),  # DF811D
    "torn_lifetime_s": ("number", 0, 3600, 300),  # DF811C
}


class Record:
    """Fields of one table of the configuration as attributes; absent ones are None."""

    def __init__(self, fields: "dict[str, Any]") -> None:
        for name, value in fields.items():
            setattr(self, name, value)

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> "Any": ...


class Configuration:
    """All of it: `terminal` (Record), `combinations` (list of Record, in order of preference)."""

    def __init__(self, terminal: Record, combinations: "list[Record]") -> None:
        self.terminal = terminal
        self.combinations = combinations


def from_json(text: str) -> Configuration:
    """Read the JSON text of a configuration; ConfigError says what is wrong."""
    try:
        source = json.loads(text)
    except (ValueError, TypeError):
        raise ConfigError("not JSON")
    return from_dict(source)


def from_dict(source: "Any") -> Configuration:
    """Check `source` (see the module's text) and make it a Configuration; ConfigError says what is
    wrong."""
    if not isinstance(source, dict):
        raise ConfigError("configuration must be a table")
    for name in source:
        if name not in ("terminal", "combinations"):
            raise ConfigError("unknown field '{}'".format(name))
    terminal = Record(_table("terminal", source.get("terminal", {}), _TERMINAL))
    listed = source.get("combinations")
    if not isinstance(listed, list) or not listed:
        raise ConfigError("combinations must be a list of at least one")
    combinations = [_combination(entry, i) for i, entry in enumerate(listed)]
    seen = set()
    for combination in combinations:
        pair = (combination.aid, combination.kernel)
        if pair in seen:
            raise ConfigError(
                "{}: kernel {} configured twice".format(combination.aid.hex().upper(), pair[1])
            )
        seen.add(pair)
        if (
            combination.ttq is not None
            and combination.ttq[0] & 0x08
            and not terminal.offline_approval
        ):
            raise ConfigError(
                "{}: ttq says offline only, terminal.offline_approval says never".format(
                    pair[0].hex().upper()
                )
            )
    return Configuration(terminal, combinations)


def _combination(source: "Any", position: int) -> Record:
    where = "combination {}".format(position + 1)
    if isinstance(source, dict) and isinstance(source.get("aid"), str):
        where = source["aid"].upper()[:32]
    fields = _table(where, source, _COMBINATION)
    programs = fields["program_limits"] or []
    fields["program_limits"] = [
        Record(_table(where + ": program_limits", entry, _PROGRAM)) for entry in programs
    ]
    if fields["kernel"] == 2:
        fields["kernel2"] = Record(_table(where + ": kernel2", fields["kernel2"] or {}, _KERNEL2))
    elif fields["kernel2"] is not None:
        raise ConfigError("{}: kernel2 is for kernel 2 only".format(where))
    if fields["kernel"] == 3 and fields["ttq"] is None:
        raise ConfigError("{}: ttq is missing (kernel 3 needs it)".format(where))
    return Record(fields)


def _table(where: str, source: "Any", shape: "dict[str, tuple]") -> "dict[str, Any]":
    if not isinstance(source, dict):
        raise ConfigError("{}: must be a table".format(where))
    for name in source:
        if name not in shape:
            raise ConfigError("{}: unknown field '{}'".format(where, name))
    fields: "dict[str, Any]" = {}
    for name, (kind, least, most, default) in shape.items():
        if name in source:
            fields[name] = _value("{}: {}".format(where, name), source[name], kind, least, most)
        elif default is _NEEDED:
            raise ConfigError("{}: {} is missing".format(where, name))
        else:
            fields[name] = {} if kind == "tags" else default
    return fields


def _value(where: str, value: "Any", kind: str, least: int, most: int) -> "Any":
    if kind == "hex":
        return _hex(where, value, least, most)
    if kind == "amount" or kind == "number":
        # A bool is an int to Python, never an amount to us.
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            raise ConfigError("{} must be a whole number from {} to {}".format(where, least, most))
    elif kind == "flag":
        if not isinstance(value, bool):
            raise ConfigError("{} must be true or false".format(where))
    elif kind == "text":
        if not isinstance(value, str) or not least <= len(value) <= most:
            raise ConfigError("{} must be text of {} to {} letters".format(where, least, most))
    elif kind == "list":
        if not isinstance(value, list) or len(value) > most:
            raise ConfigError("{} must be a list of at most {}".format(where, most))
    elif kind == "tags":
        return _tags(where, value)
    elif not isinstance(value, dict):
        raise ConfigError("{} must be a table".format(where))
    return value


def _hex(where: str, value: "Any", least: int, most: int) -> bytes:
    # CPython would take spaces, MicroPython does not.
    if not isinstance(value, str) or " " in value:
        raise ConfigError("{} must be hexadecimal text".format(where))
    try:
        data = bytes.fromhex(value)
    except ValueError:
        raise ConfigError("{} must be hexadecimal text".format(where))
    if not least <= len(data) <= most:
        size = str(least) if least == most else "{} to {}".format(least, most)
        raise ConfigError("{} must be {} bytes of hexadecimal text".format(where, size))
    return data


def _tags(where: str, value: "Any") -> "dict[int, bytes]":
    if not isinstance(value, dict):
        raise ConfigError("{} must be a table of tag = value".format(where))
    data: "dict[int, bytes]" = {}
    for name in value:
        tag = _hex("{}.{}".format(where, name), name, 1, 3)
        data[int.from_bytes(tag, "big")] = _hex("{}.{}".format(where, name), value[name], 0, 252)
    return data
