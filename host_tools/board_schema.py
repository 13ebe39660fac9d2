"""What a board file may hold: every table, key and type, and the mistakes in one that differs.

The rules about the chip itself (which pins exist, which are taken) are `host_tools.board_check`'s.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

KEY_NAMES = (
    *("0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "00"),
    *("CANCEL", "CLEAR", "MENU", "LANG", "ENTER"),
)
NEEDED_KEYS = tuple(key for key in KEY_NAMES if key not in ("00", "MENU"))


@dataclass(frozen=True)
class Mistake:
    """One thing wrong with a board file: the key's path, what is wrong, and what to do."""

    key: str
    problem: str
    remedy: str

    def line(self, file: str) -> str:
        return f"{file}: {self.key}: {self.problem}; {self.remedy}"


class Rule(Protocol):
    """What the value of one key must be."""

    def mistakes(self, value: Any, path: str) -> Iterator[Mistake]: ...


def _named(value: object) -> str:
    """A value as TOML's own vocabulary names it."""
    names = {bool: "a boolean", int: "an integer", float: "a float", str: "a string"}
    names |= {list: "an array", dict: "a table"}
    return names.get(type(value), "a date or time")


@dataclass(frozen=True)
class Optional:
    """A key that may be left out."""

    rule: Rule


@dataclass(frozen=True)
class Text:
    def mistakes(self, value: Any, path: str) -> Iterator[Mistake]:
        if not isinstance(value, str):
            yield Mistake(path, f"is {_named(value)}", "write a string")
        elif not value.strip():
            yield Mistake(path, "is empty", "write a string")


@dataclass(frozen=True)
class Boolean:
    def mistakes(self, value: Any, path: str) -> Iterator[Mistake]:
        if not isinstance(value, bool):
            yield Mistake(path, f"is {_named(value)}", "write true or false")


@dataclass(frozen=True)
class Integer:
    """A whole number from `low` to `high`, both included."""

    low: int = 0
    high: int = 0xFFFF_FFFF

    def mistakes(self, value: Any, path: str) -> Iterator[Mistake]:
        remedy = f"write an integer from {self.low} to {self.high}"
        if isinstance(value, bool) or not isinstance(value, int):
            yield Mistake(path, f"is {_named(value)}", remedy)
        elif not self.low <= value <= self.high:
            yield Mistake(path, f"is {value}", remedy)


@dataclass(frozen=True)
class OneOf:
    choices: tuple[str | int, ...]

    def mistakes(self, value: Any, path: str) -> Iterator[Mistake]:
        if isinstance(value, bool) or value not in self.choices:
            shown = repr(value) if isinstance(value, str | int) else f"{_named(value)}"
            choices = ", ".join(repr(choice) for choice in self.choices)
            yield Mistake(path, f"is {shown}", f"write one of {choices}")


@dataclass(frozen=True)
class Array:
    """An array of `item`s, `low` to `high` of them."""

    item: Rule
    low: int
    high: int

    def mistakes(self, value: Any, path: str) -> Iterator[Mistake]:
        if not isinstance(value, list):
            yield Mistake(path, f"is {_named(value)}", "write an array")
            return
        if not self.low <= len(value) <= self.high:
            wanted = str(self.low) if self.low == self.high else f"{self.low} to {self.high}"
            yield Mistake(path, f"has {len(value)} entries", f"write {wanted}")
        for index, entry in enumerate(value):
            yield from self.item.mistakes(entry, f"{path}[{index}]")


@dataclass(frozen=True)
class Table:
    """A table with exactly these keys, apart from the optional ones."""

    keys: dict[str, Rule | Optional]

    def mistakes(self, value: Any, path: str) -> Iterator[Mistake]:
        if not isinstance(value, dict):
            yield Mistake(path, f"is {_named(value)}", "write a table")
            return
        for key, rule in self.keys.items():
            here = f"{path}.{key}" if path else key
            if key in value:
                rule = rule.rule if isinstance(rule, Optional) else rule
                yield from rule.mistakes(value[key], here)
            elif not isinstance(rule, Optional):
                yield Mistake(here, "is missing", "add it")
        for key in value:
            if key not in self.keys:
                known = ", ".join(self.keys)
                yield Mistake(
                    f"{path}.{key}" if path else key, "is not known", f"known here: {known}"
                )


@dataclass(frozen=True)
class NamedTables:
    """Tables of one shape under names of the author's choice: `[spi.panel]`, `[spi.nfc]`."""

    each: Table

    def mistakes(self, value: Any, path: str) -> Iterator[Mistake]:
        if not isinstance(value, dict):
            yield Mistake(path, f"is {_named(value)}", f"write tables [{path}.NAME]")
            return
        for name, table in value.items():
            yield from self.each.mistakes(table, f"{path}.{name}")


@dataclass(frozen=True)
class TableBy:
    """A table whose shape depends on the value of one of its keys."""

    key: str
    shapes: dict[str, Table]

    def mistakes(self, value: Any, path: str) -> Iterator[Mistake]:
        if not isinstance(value, dict):
            yield Mistake(path, f"is {_named(value)}", "write a table")
        elif self.key not in value:
            yield Mistake(f"{path}.{self.key}", "is missing", "add it")
        elif any(OneOf(tuple(self.shapes)).mistakes(value[self.key], "")):
            yield from OneOf(tuple(self.shapes)).mistakes(value[self.key], f"{path}.{self.key}")
        else:
            yield from self.shapes[value[self.key]].mistakes(value, path)


TEXT = Text()
PIN = Integer(0, 63)
BAUDRATE = Integer(300, 80_000_000)

_NFC: dict[str, Rule | Optional] = {"driver": OneOf(("pn532",)), "reset": Optional(PIN)}

PARTITION = Table(
    {
        "name": TEXT,
        "type": OneOf(("app", "data")),
        "subtype": TEXT,
        "offset": Integer(),
        "size": Integer(1),
    }
)

BOARD = Table(
    {
        "name": TEXT,
        "title": TEXT,
        "chip": OneOf(("esp32", "esp32s3")),
        "flash": Table({"size_mib": OneOf((2, 4, 8, 16, 32))}),
        "psram": Table(
            {"size_mib": OneOf((0, 2, 4, 8, 16)), "mode": Optional(OneOf(("quad", "octal")))}
        ),
        "spi": NamedTables(
            Table(
                {
                    "id": Integer(),
                    "baudrate": BAUDRATE,
                    "sck": PIN,
                    "mosi": PIN,
                    "miso": Optional(PIN),
                }
            )
        ),
        "i2c": Optional(
            NamedTables(Table({"id": Integer(), "freq": BAUDRATE, "sda": PIN, "scl": PIN}))
        ),
        "uart": NamedTables(Table({"id": Integer(), "baudrate": BAUDRATE, "tx": PIN, "rx": PIN})),
        # Analogue inputs of a board's own; pin of ADC1, since Wi-Fi holds ADC2.
        "adc": Optional(NamedTables(Table({"pin": PIN}))),
        "panel": Table(
            {
                "driver": OneOf(("st7789", "ili9341")),
                "spi": TEXT,
                "cs": Optional(PIN),  # left out: tied to ground, the panel is alone on its bus
                "dc": PIN,
                "reset": Optional(PIN),  # left out: tied to the chip's EN
                "backlight": Optional(PIN),  # left out: always on
                "width": Integer(1, 320),
                "height": Integer(1, 320),
                "rotation": OneOf((0, 1, 2, 3)),  # quarter turns anticlockwise
                "sdo": Optional(Boolean()),  # its data output is wired to the bus's miso
            }
        ),
        "nfc": TableBy(
            "transport",
            {
                "spi": Table(
                    {**_NFC, "transport": TEXT, "spi": TEXT, "cs": PIN, "irq": Optional(PIN)}
                ),
                "i2c": Table({**_NFC, "transport": TEXT, "i2c": TEXT, "irq": Optional(PIN)}),
                "hsu": Table({**_NFC, "transport": TEXT, "uart": TEXT}),
            },
        ),
        "keypad": Table(
            {
                "rows": Array(PIN, 1, 8),
                "columns": Array(PIN, 1, 8),
                "external_pull_ups": Optional(Boolean()),
                "layout": Array(Array(OneOf(KEY_NAMES), 1, 8), 1, 8),
            }
        ),
        "printer": Table(
            {
                "driver": OneOf(("escpos",)),
                "uart": TEXT,
                "width_dots": OneOf((384, 576)),
                "cutter": Boolean(),
            }
        ),
        "buzzer": Table({"pin": PIN}),
        "lamps": Table({"pins": Array(PIN, 4, 4)}),
        "tamper": Table(
            {"pin": PIN, "closed_level": OneOf((0, 1)), "external_pull": Optional(Boolean())}
        ),
        "accept": Optional(Array(Table({"pin": PIN, "because": TEXT}), 0, 16)),
        "partitions": Array(PARTITION, 1, 95),
    }
)


def schema_mistakes(board: dict[str, Any]) -> list[Mistake]:
    """Unknown keys, missing keys and wrong types, in the order of the schema."""
    return list(BOARD.mistakes(board, ""))
