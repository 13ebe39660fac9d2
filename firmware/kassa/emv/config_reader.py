"""Reads a table of the EMV configuration by its shape: kinds of fields, their limits, defaults.

A shape is a dictionary name -> (kind, least, most, default).  Kinds: "hex" (bytes as hexadecimal
text, least to most of them), "amount" and "number" (whole numbers), "flag", "text", "date"
("YYMMDD"), "list" (at most `most` entries), "table", "tags" (tag = value, both hexadecimal).
"""

from typing import TYPE_CHECKING

from kassa.emv import tags
from kassa.emv.errors import ConfigError

if TYPE_CHECKING:
    from typing import Any

NEEDED = ()
"""As a default: there is none, the field must be given."""


# What no table of tags may set: a card and the host would be told of another payment.
_OF_THE_TRANSACTION = (
    tags.AMOUNT,
    tags.AMOUNT_OTHER,
    tags.AMOUNT_BINARY,
    tags.AMOUNT_OTHER_BINARY,
    tags.CURRENCY,
    tags.COUNTRY,
    tags.DATE,
    tags.TIME,
    tags.TYPE,
    tags.UNPREDICTABLE,
    tags.COUNTER,
    tags.TVR,
    tags.CVM_RESULTS,
)


class Record:
    """Fields of one table of the configuration as attributes; absent ones are None."""

    def __init__(self, fields: "dict[str, Any]") -> None:
        for name, value in fields.items():
            setattr(self, name, value)

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> "Any": ...


class Reader:
    """Reads tables.  The first mistake raises ConfigError; with a list of `mistakes` each one is
    put there instead, and what was wrong is read as left out."""

    def __init__(self, mistakes: "list[ConfigError] | None" = None) -> None:
        self._mistakes = mistakes

    def wrong(self, path: "tuple[str | int, ...]", message: str) -> None:
        """Note a mistake; `path` leads to it from the top of the document."""
        error = ConfigError(message, path)
        if self._mistakes is None:
            raise error
        self._mistakes.append(error)

    def table(
        self,
        where: str,
        path: "tuple[str | int, ...]",
        source: "Any",
        shape: "dict[str, tuple]",
    ) -> "dict[str, Any]":
        """All fields of `shape` from `source`; `where` is what a mistake is told with."""
        fields: "dict[str, Any]" = {}
        if not isinstance(source, dict):
            self.wrong(path, "{}: must be a table".format(where))
            source = None
        for name in source or ():
            if name not in shape:
                self.wrong(path + (name,), "{}: unknown field '{}'".format(where, name))
        for name, (kind, least, most, default) in shape.items():
            fields[name] = {} if kind == "tags" else None if default is NEEDED else default
            if source is not None and name in source:
                what = "{}: {}".format(where, name)
                value = self._value(what, path + (name,), source[name], kind, least, most)
                if value is not None:
                    fields[name] = value
            elif source is not None and default is NEEDED:
                self.wrong(path, "{}: {} is missing".format(where, name))
        return fields

    def _value(
        self,
        where: str,
        path: "tuple[str | int, ...]",
        value: "Any",
        kind: str,
        least: int,
        most: int,
    ) -> "Any":
        """The value as its kind is kept, or None when it is wrong."""
        wrong = ""
        if kind == "hex":
            return self._hex(where, path, value, least, most)
        if kind == "tags":
            return self._tags(where, path, value)
        if kind == "amount" or kind == "number":
            # A bool is an int to Python, never an amount to us.
            if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
                wrong = "a whole number from {} to {}".format(least, most)
        elif kind == "flag":
            if not isinstance(value, bool):
                wrong = "true or false"
        elif kind == "text":
            if not isinstance(value, str) or not least <= len(value) <= most:
                wrong = "text of {} to {} letters".format(least, most)
        elif kind == "date":
            if not is_date(value):
                wrong = "a date as text, YYMMDD"
        elif kind == "list":
            if not isinstance(value, list) or len(value) > most:
                wrong = "a list of at most {}".format(most)
        elif not isinstance(value, dict):
            wrong = "a table"
        if wrong:
            self.wrong(path, "{} must be {}".format(where, wrong))
            return None
        return value

    def _hex(
        self,
        where: str,
        path: "tuple[str | int, ...]",
        value: "Any",
        least: int,
        most: int,
    ) -> "bytes | None":
        # CPython would take spaces, MicroPython does not.
        wrong, data = "hexadecimal text", b""
        if isinstance(value, str) and " " not in value:
            try:
                data = bytes.fromhex(value)
                wrong = ""
            except ValueError:
                pass
        if not wrong and not least <= len(data) <= most:
            size = str(least) if least == most else "{} to {}".format(least, most)
            wrong = "{} bytes of hexadecimal text".format(size)
        if wrong:
            self.wrong(path, "{} must be {}".format(where, wrong))
            return None
        return data

    def _tags(
        self, where: str, path: "tuple[str | int, ...]", value: "Any"
    ) -> "dict[int, bytes] | None":
        if not isinstance(value, dict):
            self.wrong(path, "{} must be a table of tag = value".format(where))
            return None
        data: "dict[int, bytes]" = {}
        for name in value:
            what, place = "{}.{}".format(where, name), path + (name,)
            tag = self._hex(what, place, name, 1, 3)
            content = self._hex(what, place, value[name], 0, 252)
            if tag is not None and int.from_bytes(tag, "big") in _OF_THE_TRANSACTION:
                self.wrong(place, "{} is the transaction's to say".format(what))
            elif tag is not None and content is not None:
                data[int.from_bytes(tag, "big")] = content
        return data


def is_date(value: "Any") -> bool:
    """Whether `value` is text "YYMMDD" with a month and a day there can be."""
    if not isinstance(value, str) or len(value) != 6:
        return False
    for digit in value:
        if digit not in "0123456789":
            return False
    return "01" <= value[2:4] <= "12" and "01" <= value[4:6] <= "31"
