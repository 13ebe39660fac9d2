"""The terminal's EMV configuration: which cards it takes, by which kernel, up to which amounts,
with which keys it proves them, and how much it dares without the host.

A dictionary as JSON or TOML gives it:

    {"terminal": {"type": "22", "currency_exponent": 2, "offline_approval": false,
                  "device_serial": "4B41535341303031", "tags": {"9F40": "6000F00001"}},
     "combinations": [
       {"aid": "A0000000031010", "kernel": 3, "scheme": "visa", "ttq": "20004000",
        "transaction_limit": 500000, "floor_limit": 0, "cvm_limit": 5000,
        "program_limits": [{"program": "7801", "cvm_limit": 2500}]},
       {"aid": "A0000000041010", "kernel": 2, "scheme": "mastercard",
        "floor_limit": 0, "cvm_limit": 5000, "tags": {"9F09": "0002"},
        "kernel2": {"limit": 500000, "limit_on_device": 500000, "tac_online": "F45084800C"}}],
     "ca_keys": [{"rid": "A000000003", "index": "92", "modulus": "996A...", "exponent": "03",
                  "sha1": "429C...", "expires": "281231"}],
     "revoked": [{"rid": "A000000003", "index": "92", "serial": "000001"}],
     "exceptions": {"date": "261122", "salt": "00112233445566778899AABBCCDDEEFF",
                    "digests": "0123456789ABCDEF...", "max_age_days": 30},
     "risk": {"random_threshold": 500, "random_percent": 10, "random_max_percent": 50,
              "velocity_per_day": 3, "unsigned_cap": 2500}}

Bytes are hexadecimal text, amounts minor units.  Only `combinations` must be there.  Whatever is
wrong raises ConfigError, which names the AID (of a key: its RID and index) and the field; what is
left out has the default shown beside it below.
"""

import json
from typing import TYPE_CHECKING

from kassa.emv.config_reader import NEEDED, Reader, Record
from kassa.emv.errors import ConfigError

if TYPE_CHECKING:
    from typing import Any

# Fields: (kind, least, most, default), see config_reader; None as default means "not present".
_AMOUNT = ("amount", 0, 10**12 - 1, None)
_NEEDED_AMOUNT = ("amount", 0, 10**12 - 1, NEEDED)
_PERCENT = ("number", 0, 100, NEEDED)
_FLAG = ("flag", 0, 0, False)
_TAGS = ("tags", 0, 0, None)
_TABLE = ("table", 0, 0, None)

MAX_EXCEPTIONS = 1000
"""Entries of the exception list that a terminal keeps; a longer list is refused (R-1)."""
DIGEST_BYTES = 8

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
    "aid": ("hex", 5, 16, NEEDED),
    "kernel": ("number", 1, 0xFFFFFF, NEEDED),
    "scheme": ("text", 1, 20, "card"),
    "ttq": ("hex", 4, 4, None),
    "terminal_floor_limit": _AMOUNT,  # 9F1B, where there is no reader floor limit
    "extended_selection": _FLAG,
    "program_limits": ("list", 0, 16, None),
    "kernel2": _TABLE,
    "kernel4": _TABLE,
    "kernel5": _TABLE,
    "kernel6": _TABLE,
    "kernel7": _TABLE,
    "tags": _TAGS,
}
_COMBINATION.update(_LIMITS)
_PROGRAM = {"program": ("hex", 1, 16, NEEDED)}
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
# What the reader of kernels 4 and 5 can do; their books' 9F33, 9F6D, 9F6E and 9F53 are made of it.
_ABILITIES = {
    "contacts": _FLAG,  # a slot for chips
    "online_pin": _FLAG,
    "signature": _FLAG,
    "cda": _FLAG,  # offline data authentication
}
_KERNEL4 = {
    "mobile_cvm": ("flag", 0, 0, True),  # a phone's own verification counts
    "sda": _FLAG,
    "delayed_authorisation": _FLAG,  # the host is asked later: cards are told so
    "tac_default": ("hex", 5, 5, b"\xdc\x50\x84\x00\x00"),
    "tac_denial": ("hex", 5, 5, b"\x00\x10\x00\x00\x00"),
    "tac_online": ("hex", 5, 5, b"\xde\x00\xfc\x98\x00"),
}
_KERNEL4.update(_ABILITIES)
# Kernels that no independent data confirm: a document that names them must say so.
_EXPERIMENTAL = {"experimental": ("flag", 0, 0, NEEDED)}
_KERNEL5 = {
    "on_device_cvm": ("flag", 0, 0, True),
    "tac_default": ("hex", 5, 5, b"\x90\x40\x00\x80\x00"),
    "tac_denial": ("hex", 5, 5, b"\x04\x10\x00\x00\x00"),
    "tac_online": ("hex", 5, 5, b"\x90\x60\x00\x90\x00"),
}
_KERNEL5.update(_ABILITIES)
_KERNEL5.update(_EXPERIMENTAL)
_KERNEL6: "dict[str, tuple]" = {"cda": _FLAG}
_KERNEL6.update(_EXPERIMENTAL)
_KERNEL7: "dict[str, tuple]" = {}  # all it needs is in the TTQ
# Tables that only one kernel reads; there they have their defaults even when they are left out.
_KERNELS = {2: _KERNEL2, 4: _KERNEL4, 5: _KERNEL5, 6: _KERNEL6, 7: _KERNEL7}

_CA_KEY = {
    "rid": ("hex", 5, 5, NEEDED),
    "index": ("hex", 1, 1, NEEDED),
    "modulus": ("hex", 64, 248, NEEDED),
    "exponent": ("hex", 1, 3, NEEDED),
    "sha1": ("hex", 20, 20, NEEDED),  # of RID, index, modulus, exponent (Book 2, table 30)
    "expires": ("date", 0, 0, NEEDED),
}
_REVOKED = {
    "rid": ("hex", 5, 5, NEEDED),
    "index": ("hex", 1, 1, NEEDED),
    "serial": ("hex", 3, 3, NEEDED),
}
# Digests are the first 8 bytes of SHA-256(salt + PAN's digits + "/" + PAN sequence number's two
# digits, or nothing for every card of that PAN), in ascending order.
_EXCEPTIONS = {
    "date": ("date", 0, 0, NEEDED),
    "salt": ("hex", 16, 16, NEEDED),
    "digests": ("hex", 0, DIGEST_BYTES * MAX_EXCEPTIONS, NEEDED),
    "max_age_days": ("number", 1, 366, NEEDED),
}
_RISK = {
    "random_threshold": _NEEDED_AMOUNT,  # from here on the odds rise up to the floor limit
    "random_percent": _PERCENT,
    "random_max_percent": _PERCENT,
    "velocity_per_day": ("number", 0, 1000, NEEDED),  # offline approvals per card token and day
    "unsigned_cap": _NEEDED_AMOUNT,  # offline value above it needs a verified signature
}
# What a document may have: (kind, least, most, default)
_DOCUMENT = {
    "terminal": _TABLE,
    "combinations": ("list", 1, 64, NEEDED),
    "ca_keys": ("list", 0, 64, None),
    "revoked": ("list", 0, 256, None),
    "exceptions": _TABLE,
    "risk": _TABLE,
}
_EXPONENTS = (b"\x03", b"\x01\x00\x01")


class Configuration:
    """All of it: `terminal` (Record), `combinations` (list of Record, in order of preference),
    `ca_keys` and `revoked` (lists of Record), `exceptions` and `risk` (Record or None)."""

    def __init__(
        self,
        terminal: Record,
        combinations: "list[Record]",
        ca_keys: "list[Record] | None" = None,
        revoked: "list[Record] | None" = None,
        exceptions: "Record | None" = None,
        risk: "Record | None" = None,
    ) -> None:
        self.terminal = terminal
        self.combinations = combinations
        self.ca_keys = ca_keys or []
        self.revoked = revoked or []
        self.exceptions = exceptions
        self.risk = risk


def from_json(text: str) -> Configuration:
    """Read the JSON text of a configuration; ConfigError says what is wrong."""
    try:
        source = json.loads(text)
    except (ValueError, TypeError):
        raise ConfigError("not JSON")
    return from_dict(source)


def from_dict(source: "Any", mistakes: "list[ConfigError] | None" = None) -> Configuration:
    """Check `source` (see the module's text) and make it a Configuration; ConfigError says what is
    wrong.  Given a list of `mistakes`, it collects all of them there and raises nothing; what it
    returns then is of use only when the list is empty."""
    if not isinstance(source, dict):
        source = {}
        Reader(mistakes).wrong((), "configuration must be a table")
    return _Document(Reader(mistakes)).read(source)


class _Document:
    """One document on its way to a Configuration."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    def read(self, source: "dict[str, Any]") -> Configuration:
        found = self._reader.table("configuration", (), source, _DOCUMENT)
        terminal = Record(
            self._reader.table("terminal", ("terminal",), found["terminal"] or {}, _TERMINAL)
        )
        if found["combinations"] == []:
            self._reader.wrong(("combinations",), "combinations must be a list of at least one")
        combinations = [
            self._combination(entry, at, terminal)
            for at, entry in enumerate(found["combinations"] or ())
        ]
        self._no_two(
            "combinations", combinations, ("aid", "kernel"), "{}: kernel {} is configured twice"
        )
        return Configuration(
            terminal,
            combinations,
            self._ca_keys(found["ca_keys"] or ()),
            self._list("revoked", found["revoked"] or (), _REVOKED),
            self._exceptions(found["exceptions"]),
            self._risk(found["risk"]),
        )

    def _combination(self, source: "Any", at: int, terminal: Record) -> Record:
        where, path = "combination {}".format(at + 1), ("combinations", at)
        if isinstance(source, dict) and isinstance(source.get("aid"), str):
            where = source["aid"].upper()[:32]
        reader = self._reader
        fields = reader.table(where, path, source, _COMBINATION)
        fields["program_limits"] = [
            self._program(where, path + ("program_limits", i), entry, fields)
            for i, entry in enumerate(fields["program_limits"] or ())
        ]
        for kernel, shape in _KERNELS.items():
            name = "kernel{}".format(kernel)
            if fields["kernel"] == kernel:
                own = reader.table(where + ": " + name, path + (name,), fields[name] or {}, shape)
                if own.get("experimental") is False:
                    reader.wrong(
                        path + (name, "experimental"),
                        "{}: {}: experimental must be true, for it is".format(where, name),
                    )
                fields[name] = Record(own)
            elif fields[name] is not None:
                reader.wrong(
                    path + (name,), "{}: {} is for kernel {} only".format(where, name, kernel)
                )
                fields[name] = None
        if fields["kernel"] in (3, 6, 7) and "ttq" not in source:
            reader.wrong(
                path, "{}: ttq is missing (kernel {} needs it)".format(where, fields["kernel"])
            )
        # TTQ byte 1, 08: offline-only reader
        if fields["ttq"] and fields["ttq"][0] & 0x08 and not terminal.offline_approval:
            reader.wrong(
                path + ("ttq",),
                "{}: ttq says offline only, terminal.offline_approval says never".format(where),
            )
        return Record(fields)

    def _program(
        self, where: str, path: "tuple[str | int, ...]", source: "Any", combination: "Any"
    ) -> Record:
        """Dynamic reader limits; what they leave out is the combination's, since it is the card
        that names its program."""
        own = self._reader.table(where + ": program_limits", path, source, _PROGRAM)
        for name in _LIMITS:
            if isinstance(source, dict) and name not in source:
                own[name] = combination[name]
        return Record(own)

    def _list(self, name: str, source: "Any", shape: "dict[str, tuple]") -> "list[Record]":
        """Entries that are told by their RID and index."""
        entries = []
        for at, entry in enumerate(source):
            where = "{} {}".format(name, at + 1)
            if isinstance(entry, dict) and isinstance(entry.get("rid"), str):
                where = "{}: {} index {}".format(
                    name, entry["rid"].upper()[:10], str(entry.get("index", "?")).upper()[:4]
                )
            entries.append(Record(self._reader.table(where, (name, at), entry, shape)))
        return entries

    def _ca_keys(self, source: "Any") -> "list[Record]":
        keys = self._list("ca_keys", source, _CA_KEY)
        for at, key in enumerate(keys):
            if key.exponent is not None and key.exponent not in _EXPONENTS:
                self._reader.wrong(
                    ("ca_keys", at, "exponent"),
                    "{}: exponent must be 03 or 010001".format(_key_name(key)),
                )
        self._no_two("ca_keys", keys, ("rid", "index"), "ca_keys: {} index {} is there twice")
        return keys

    def _exceptions(self, source: "Any") -> "Record | None":
        if source is None:
            return None
        path = ("exceptions",)
        found = Record(self._reader.table("exceptions", path, source, _EXCEPTIONS))
        digests, size = found.digests or b"", DIGEST_BYTES
        if len(digests) % size:
            self._reader.wrong(
                path + ("digests",), "exceptions: digests must be 8 bytes for each card"
            )
        for at in range(size, len(digests) - size + 1, size):
            # The terminal looks them up by halves.
            if digests[at - size : at] >= digests[at : at + size]:
                self._reader.wrong(
                    path + ("digests",), "exceptions: digests must ascend, each but once"
                )
                break
        return found

    def _risk(self, source: "Any") -> "Record | None":
        if source is None:
            return None
        found = Record(self._reader.table("risk", ("risk",), source, _RISK))
        least, most = found.random_percent, found.random_max_percent
        if least is not None and most is not None and most < least:
            self._reader.wrong(
                ("risk", "random_max_percent"),
                "risk: random_max_percent must not be below random_percent",
            )
        return found

    def _no_two(
        self, name: str, entries: "list[Record]", keys: "tuple[str, str]", words: str
    ) -> None:
        seen = set()
        for at, entry in enumerate(entries):
            pair = [getattr(entry, key) for key in keys]
            if None in pair:
                continue
            shown = [part.hex().upper() if isinstance(part, bytes) else str(part) for part in pair]
            if (shown[0], shown[1]) in seen:
                self._reader.wrong((name, at), words.format(shown[0], shown[1]))
            seen.add((shown[0], shown[1]))


def _key_name(key: Record) -> str:
    rid, index = key.rid or b"", key.index or b""
    return "ca_keys: {} index {}".format(rid.hex().upper(), index.hex().upper())
