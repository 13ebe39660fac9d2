"""Board files: where they are, how they are read, and what each pin of one is for."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from host_tools.board_schema import Mistake, schema_mistakes

BOARDS = Path(__file__).resolve().parent.parent / "board_configs"


class BoardFileError(Exception):
    """A board file that cannot be used; the message is one line and names the file."""


def names() -> list[str]:
    """The boards that Kassa knows, in alphabetical order."""
    return sorted(path.stem for path in BOARDS.glob("*.toml"))


def find(name_or_file: str | Path) -> Path:
    """The file of a board by its name, or the file itself.

    Raises BoardFileError when there is neither.
    """
    known = BOARDS / f"{name_or_file}.toml"
    if known.parent == BOARDS and known.is_file():
        return known
    if (path := Path(name_or_file)).is_file():
        return path
    raise BoardFileError(
        f"{name_or_file}: no such board and no such file; boards: {', '.join(names())}"
    )


def read(path: Path) -> dict[str, Any]:
    """The content of a board file, unchecked.  Raises BoardFileError when it is not TOML."""
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise BoardFileError(f"{path}: not TOML: {error}") from error
    except UnicodeDecodeError as error:
        raise BoardFileError(f"{path}: not UTF-8 text at byte {error.start}") from error
    except OSError as error:
        raise BoardFileError(f"{path}: cannot be read: {error.strerror}") from error


def load(name_or_file: str | Path) -> dict[str, Any]:
    """A board whose keys and types are right.  Raises BoardFileError that names the first mistake.

    Whether the pins suit the chip is `board_check.mistakes()`'s question.
    """
    path = find(name_or_file)
    board = read(path)
    found = schema_mistakes(board)
    if found:
        more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
        raise BoardFileError(found[0].line(str(path)) + more)
    return board


@dataclass(frozen=True)
class PinUse:
    """One GPIO of a board and what it is for.

    `direction` is the chip's: "out", "in" (the far end drives it), "pulled" (an input that a pull
    resistor must hold), "both" (open drain, as on I2C) or "analogue".
    """

    key: str
    pin: int
    part: str
    signal: str
    direction: str


_BUS_SIGNALS = {
    "spi": (("sck", "SCK", "out"), ("mosi", "MOSI", "out"), ("miso", "MISO", "in")),
    "i2c": (("sda", "SDA", "both"), ("scl", "SCL", "both")),
    "uart": (("tx", "RX", "out"), ("rx", "TX", "in")),
}
_PART_SIGNALS = {
    "panel": (
        ("cs", "CS", "out"),
        ("dc", "D/C", "out"),
        ("reset", "RESET", "out"),
        ("backlight", "backlight", "out"),
    ),
    "nfc": (("cs", "NSS", "out"), ("irq", "IRQ", "in"), ("reset", "RSTPDN", "out")),
}
PARTS = {
    "panel": "Panel",
    "nfc": "Card reader",
    "keypad": "Keypad",
    "printer": "Printer",
    "buzzer": "Buzzer",
    "lamps": "Lamps",
    "tamper": "Tamper switch",
    "adc": "Analogue",
}


def bus_users(board: dict[str, Any]) -> dict[tuple[str, str], list[str]]:
    """Which parts hang on each described bus, by (kind, name); those not described too."""
    users: dict[tuple[str, str], list[str]] = {
        (kind, name): [] for kind in _BUS_SIGNALS for name in board.get(kind, {})
    }
    for part in ("panel", "nfc", "printer"):
        for kind in _BUS_SIGNALS:
            if kind in board[part]:
                users.setdefault((kind, board[part][kind]), []).append(part)
    return users


def pin_uses(board: dict[str, Any]) -> Iterator[PinUse]:
    """Every GPIO that a (schema-valid) board uses, part by part; a shared bus's pins come once."""
    seen_buses: set[tuple[str, str]] = set()
    users = bus_users(board)
    for part in ("panel", "nfc", "printer"):
        for (kind, name), parts in users.items():
            if part in parts and (kind, name) not in seen_buses:
                seen_buses.add((kind, name))
                label = " and ".join(PARTS[user] for user in parts)
                yield from _bus_uses(board, kind, name, label)
        for key, signal, direction in _PART_SIGNALS.get(part, ()):
            if key in board[part]:
                yield PinUse(f"{part}.{key}", board[part][key], PARTS[part], signal, direction)
        if part == "nfc":
            yield from _keypad_uses(board["keypad"])
    for kind, name in users:
        if (kind, name) not in seen_buses:
            yield from _bus_uses(board, kind, name, f"{kind}.{name}")
    yield PinUse("buzzer.pin", board["buzzer"]["pin"], PARTS["buzzer"], "signal", "out")
    for index, pin in enumerate(board["lamps"]["pins"]):
        yield PinUse(f"lamps.pins[{index}]", pin, PARTS["lamps"], f"lamp {index + 1}", "out")
    yield PinUse("tamper.pin", board["tamper"]["pin"], PARTS["tamper"], "switch", "pulled")
    for name, table in board.get("adc", {}).items():
        yield PinUse(f"adc.{name}.pin", table["pin"], PARTS["adc"], name, "analogue")


def _bus_uses(board: dict[str, Any], kind: str, name: str, label: str) -> Iterator[PinUse]:
    bus = board.get(kind, {}).get(name, {})
    for key, signal, direction in _BUS_SIGNALS[kind]:
        if key in bus:
            yield PinUse(f"{kind}.{name}.{key}", bus[key], label, signal, direction)


def _keypad_uses(keypad: dict[str, Any]) -> Iterator[PinUse]:
    for index, pin in enumerate(keypad["rows"]):
        yield PinUse(f"keypad.rows[{index}]", pin, PARTS["keypad"], f"row {index + 1}", "out")
    for index, pin in enumerate(keypad["columns"]):
        signal = f"column {index + 1}"
        yield PinUse(f"keypad.columns[{index}]", pin, PARTS["keypad"], signal, "pulled")


__all__ = [
    "BOARDS",
    "PARTS",
    "BoardFileError",
    "Mistake",
    "PinUse",
    "bus_users",
    "find",
    "load",
    "names",
    "pin_uses",
    "read",
    "schema_mistakes",
]
