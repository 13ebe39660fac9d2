"""Does a board file suit its chip?  Each mistake names the key, what is wrong, and a way out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from host_tools.board import PinUse, bus_users, pin_uses, read
from host_tools.board_schema import NEEDED_KEYS, Mistake, schema_mistakes
from host_tools.chips import CHIPS, PART_LIMITS, PART_RATES, Chip

_MIB = 1024 * 1024
_PARTITION_TABLE_END = 0x9000
_SECTOR = 0x1000
_APP_ALIGNMENT = 0x10000
_LABEL_BYTES = 15
_NVS_SMALLEST = 0x3000
# What stock images give MicroPython in their own table, from 4 MiB of flash: they grow into it.
_FACTORY_SMALLEST = 0x1F0000
_NEEDED_PARTITIONS = {"nvs": "data", "vfs": "data", "kassa": "data", "journal": "data"}
_SUBTYPES = {
    "app": ("factory", "test", *(f"ota_{slot}" for slot in range(16))),
    "data": (
        *("ota", "phy", "nvs", "nvs_keys", "coredump", "efuse"),
        *("undefined", "fat", "spiffs", "littlefs"),
    ),
}
_DRIVEN = ("out", "both")
_UNPULLED_REMEDY = {
    "keypad": "fit resistors to 3V3 and say keypad.external_pull_ups = true",
    "tamper": "fit a resistor and say tamper.external_pull = true",
}


def check_file(path: Path) -> list[Mistake]:
    """All mistakes of one board file.  Raises BoardFileError when it is not TOML at all."""
    return mistakes(read(path), stem=path.stem)


def mistakes(board: dict[str, Any], stem: str | None = None) -> list[Mistake]:
    """All mistakes of a board; only the schema's while there are any: the rest builds on it.

    `stem` is the file's name without `.toml`, which the board's name must equal.
    """
    found = schema_mistakes(board)
    if found:
        return found
    chip = CHIPS[board["chip"]]
    found.extend(_identity(board, stem))
    found.extend(_memory(board, chip))
    found.extend(_pins(board, chip))
    found.extend(_pulls(board, chip))
    found.extend(_buses(board, chip))
    found.extend(_panel(board))
    found.extend(_keypad(board["keypad"]))
    found.extend(_partitions(board["partitions"], board["flash"]["size_mib"] * _MIB))
    return found


def _identity(board: dict[str, Any], stem: str | None) -> Iterator[Mistake]:
    if stem is not None and board["name"] != stem:
        yield Mistake("name", f'is "{board["name"]}" in {stem}.toml', "give both the same name")


def _memory(board: dict[str, Any], chip: Chip) -> Iterator[Mistake]:
    psram = board["psram"]
    if psram["size_mib"] and "mode" not in psram:
        yield Mistake("psram.mode", "is missing", "say which pins the PSRAM takes")
    elif not psram["size_mib"] and "mode" in psram:
        yield Mistake("psram.mode", "is given without PSRAM", "leave it out")
    elif "mode" in psram and psram["mode"] not in chip.psram:
        remedy = f"write one of {', '.join(chip.psram)}"
        yield Mistake("psram.mode", f"{chip.title} has no {psram['mode']} PSRAM", remedy)


def _pins(board: dict[str, Any], chip: Chip) -> Iterator[Mistake]:
    """Each use of a pin by itself, then two uses of one, then acceptances of nothing."""
    accepted = {entry["pin"] for entry in board.get("accept", [])}
    psram = chip.psram.get(board["psram"].get("mode", ""), frozenset())
    first: dict[int, PinUse] = {}
    needing: set[int] = set()
    for use in pin_uses(board):
        pin, name = use.pin, f"GPIO {use.pin}"
        if pin in first:
            yield Mistake(use.key, f"{name} is already {first[pin].key}", "choose a free pin")
        first.setdefault(pin, use)
        if pin not in chip.pins:
            yield Mistake(use.key, f"{name} does not exist on {chip.title}", "choose another pin")
        elif pin in chip.flash:
            yield Mistake(use.key, f"{name} belongs to the flash", "choose another pin")
        elif pin in psram:
            yield Mistake(use.key, f"{name} belongs to the PSRAM", "choose another pin")
        elif pin in chip.input_only and use.direction in _DRIVEN:
            yield Mistake(use.key, f"{name} is input-only and cannot drive", "choose another pin")
        elif use.direction == "analogue" and pin in chip.adc2:
            yield Mistake(use.key, f"{name} is on ADC2, which Wi-Fi holds", _adc1(chip))
        elif use.direction == "analogue" and pin not in chip.adc1:
            yield Mistake(use.key, f"{name} has no analogue input", _adc1(chip))
        why = _sampled_or_shared(chip, pin)
        needing.update([pin] if why else [])
        if why and pin not in accepted:
            yield Mistake(use.key, why, "choose another, or say in [[accept]] why it is right")
    for index, entry in enumerate(board.get("accept", [])):
        if entry["pin"] not in needing:
            problem = f"GPIO {entry['pin']} is not a used strapping or console pin"
            yield Mistake(f"accept[{index}].pin", problem, "remove the entry")


def _sampled_or_shared(chip: Chip, pin: int) -> str | None:
    """Why a pin needs the author's word, if it does."""
    if pin in chip.straps:
        return f"GPIO {pin} is a strapping pin ({chip.straps[pin]})"
    if pin in chip.console:
        return f"GPIO {pin} is the technician's console ({chip.console[pin]})"
    return None


def _adc1(chip: Chip) -> str:
    return f"choose one of GPIO {min(chip.adc1)}-{max(chip.adc1)} (ADC1)"


def _pulls(board: dict[str, Any], chip: Chip) -> Iterator[Mistake]:
    """Inputs that idle open need a pull resistor, and input-only pins have none inside."""
    fitted = {
        "keypad": board["keypad"].get("external_pull_ups", False),
        "tamper": board["tamper"].get("external_pull", False),
    }
    for use in pin_uses(board):
        part = use.key.partition(".")[0]
        if use.direction == "pulled" and use.pin in chip.input_only and not fitted[part]:
            problem = f"GPIO {use.pin} has no pull resistor inside"
            yield Mistake(use.key, problem, _UNPULLED_REMEDY[part])


def _buses(board: dict[str, Any], chip: Chip) -> Iterator[Mistake]:
    users = bus_users(board)
    for (kind, name), parts in users.items():
        if name not in board.get(kind, {}):
            problem = f'names "{name}", which is not described'
            for part in parts:
                yield Mistake(f"{part}.{kind}", problem, f"add [{kind}.{name}]")
            continue
        bus, key = board[kind][name], f"{kind}.{name}"
        if not parts:
            yield Mistake(key, "has no part on it", "remove it, or name it where it is used")
        if len(parts) > 1 and kind == "uart":
            yield Mistake(key, f"has {' and '.join(parts)} on it", "give each its own port")
        if bus["id"] not in chip.bus_ids[kind]:
            ids = " or ".join(str(number) for number in chip.bus_ids[kind])
            reason = ": 0 is the console" if kind == "uart" and bus["id"] == 0 else ""
            problem = f"{chip.title} has no free {kind.upper()} {bus['id']}{reason}"
            yield Mistake(f"{key}.id", problem, f"write {ids}")
        for other, another in board[kind].items():
            if other == name:
                break
            if another["id"] == bus["id"]:
                yield Mistake(f"{key}.id", f"is also {kind}.{other}'s", "choose another id")
        yield from _speed(board, chip, kind, name, parts)
    nfc = board["nfc"]
    if nfc["transport"] == "spi" and "miso" not in board["spi"].get(nfc["spi"], {"miso": 0}):
        yield Mistake(f"spi.{nfc['spi']}.miso", "is missing", "the PN532 answers on it: add it")


def _speed(
    board: dict[str, Any], chip: Chip, kind: str, name: str, parts: list[str]
) -> Iterator[Mistake]:
    clock = "freq" if kind == "i2c" else "baudrate"
    value, key = board[kind][name][clock], f"{kind}.{name}.{clock}"
    limits = [(chip.title, chip.bus_limits[kind])]
    for part in parts:
        driver = board[part]["driver"]
        rates = PART_RATES.get((driver, kind), (value,))
        if value not in rates:
            remedy = f"write {' or '.join(str(rate) for rate in rates)}"
            yield Mistake(key, f"{driver} does not speak at {value}", remedy)
        elif (driver, kind) in PART_LIMITS:
            limits.append((driver, PART_LIMITS[driver, kind]))
    who, limit = min(limits, key=lambda entry: entry[1])
    if value > limit:
        yield Mistake(key, f"{value} is more than {who} takes", f"write at most {limit}")


def _panel(board: dict[str, Any]) -> Iterator[Mistake]:
    panel, nfc = board["panel"], board["nfc"]
    if "cs" not in panel and nfc.get("spi") == panel["spi"]:
        problem = "is left out (tied to ground) on a bus that the reader shares"
        yield Mistake("panel.cs", problem, "give it a pin, or the reader a bus of its own")
    if panel.get("sdo") and "miso" not in board["spi"].get(panel["spi"], {"miso": 0}):
        remedy = "add the pin that it is wired to"
        yield Mistake(
            f"spi.{panel['spi']}.miso", "is missing: panel.sdo says that the panel answers", remedy
        )
    if (panel["width"], panel["height"]) != (240, 320):
        size = f"{panel['width']}x{panel['height']}"
        problem = f"{size} is not the size that the screens are drawn for"
        yield Mistake("panel.width", problem, "write width 240 and height 320")


def _keypad(keypad: dict[str, Any]) -> Iterator[Mistake]:
    layout, columns = keypad["layout"], len(keypad["columns"])
    if len(layout) != len(keypad["rows"]):
        problem = f"has {len(layout)} rows for {len(keypad['rows'])} row pins"
        yield Mistake("keypad.layout", problem, "give each row pin one row of keys")
    for index, row in enumerate(layout):
        if len(row) != columns:
            problem = f"has {len(row)} keys for {columns} column pins"
            yield Mistake(f"keypad.layout[{index}]", problem, "give each column pin one key")
    counts = Counter(key for row in layout for key in row)
    for key, count in counts.items():
        if count > 1:
            yield Mistake("keypad.layout", f'has "{key}" {count} times', "keep one")
    if missing := [key for key in NEEDED_KEYS if key not in counts]:
        names = ", ".join(f'"{key}"' for key in missing)
        yield Mistake("keypad.layout", f"lacks {names}", "no sale is possible without: add")


def _partitions(partitions: list[dict[str, Any]], flash_bytes: int) -> Iterator[Mistake]:
    by_name: dict[str, dict[str, Any]] = {}
    for index, partition in enumerate(partitions):
        key = f"partitions[{index}]"
        name, kind, size = partition["name"], partition["type"], partition["size"]
        if name in by_name:
            yield Mistake(f"{key}.name", f'"{name}" is used twice', "choose another name")
        by_name[name] = partition
        if len(name.encode()) > _LABEL_BYTES:
            remedy = f"a label holds {_LABEL_BYTES} bytes"
            yield Mistake(f"{key}.name", f'"{name}" is too long', remedy)
        if partition["subtype"] not in _SUBTYPES[kind]:
            problem = f'"{partition["subtype"]}" is no subtype of {kind}'
            yield Mistake(f"{key}.subtype", problem, f"write one of {', '.join(_SUBTYPES[kind])}")
        alignment = _APP_ALIGNMENT if kind == "app" else _SECTOR
        if partition["offset"] % alignment:
            problem = f"{partition['offset']:#x} is not a multiple of {alignment:#x}"
            yield Mistake(f"{key}.offset", problem, f"{kind} partitions start on one")
        if size % _SECTOR:
            problem = f"{size:#x} is not a multiple of {_SECTOR:#x}"
            yield Mistake(f"{key}.size", problem, "flash is erased in blocks of that size")
        if partition["offset"] < _PARTITION_TABLE_END:
            problem = f"{partition['offset']:#x} is inside boot loader and partition table"
            yield Mistake(f"{key}.offset", problem, f"start at {_PARTITION_TABLE_END:#x} or later")
        if (end := partition["offset"] + size) > flash_bytes:
            problem = f"ends at {end:#x}, past the flash's {flash_bytes:#x}"
            yield Mistake(f"{key}.size", problem, "make it smaller or name a larger flash")
    yield from _overlaps(partitions)
    for name, kind in _NEEDED_PARTITIONS.items():
        if name not in by_name:
            yield Mistake("partitions", f'has no "{name}"', "the terminal needs it: add it")
        elif by_name[name]["type"] != kind:
            yield Mistake("partitions", f'"{name}" is not of type {kind}', f"write {kind}")
    factory = next((each for each in partitions if each["subtype"] == "factory"), None)
    if factory is None:
        remedy = "MicroPython itself needs one: add it"
        yield Mistake("partitions", 'has no app of subtype "factory"', remedy)
    elif factory["size"] < _FACTORY_SMALLEST:
        index = partitions.index(factory)
        remedy = f"write at least {_FACTORY_SMALLEST:#x}"
        yield Mistake(f"partitions[{index}].size", "is too small for MicroPython", remedy)
    nvs = by_name.get("nvs")
    if nvs and nvs["size"] < _NVS_SMALLEST:
        index = partitions.index(nvs)
        remedy = f"write at least {_NVS_SMALLEST:#x}"
        yield Mistake(f"partitions[{index}].size", "is too small for NVS", remedy)


def _overlaps(partitions: list[dict[str, Any]]) -> Iterator[Mistake]:
    furthest: dict[str, Any] | None = None
    for index, partition in sorted(enumerate(partitions), key=lambda each: each[1]["offset"]):
        end = 0 if furthest is None else furthest["offset"] + furthest["size"]
        if furthest is not None and partition["offset"] < end:
            problem = f'"{partition["name"]}" starts inside "{furthest["name"]}"'
            yield Mistake(f"partitions[{index}].offset", problem, f"start at {end:#x} or later")
        if partition["offset"] + partition["size"] > end:
            furthest = partition
