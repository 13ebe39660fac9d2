"""Wiring tables of the boards: what goes to which pin, as data and as Markdown."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from host_tools.board import BOARDS, BoardFileError, PinUse, load, names, pin_uses
from host_tools.chips import CHIPS

README = BOARDS / "README.md"
BEGIN = "<!-- wiring tables: written by `kassa board wiring --write` -->"
END = "<!-- end of the wiring tables -->"
_TRANSPORTS = {"spi": "SPI", "i2c": "I2C (address 0x24)", "hsu": "HSU (serial)"}
_PULLED = {"keypad": "external_pull_ups", "tamper": "external_pull"}


def rows(board: dict[str, Any]) -> list[dict[str, str | int]]:
    """One row a wire: part, signal (as the part's own board prints it), gpio, key, note."""
    because = {entry["pin"]: entry["because"] for entry in board.get("accept", [])}
    return [
        {
            "part": use.part,
            "signal": use.signal,
            "gpio": use.pin,
            "key": use.key,
            "note": "; ".join(_notes(board, use, because)),
        }
        for use in pin_uses(board)
    ]


def _notes(board: dict[str, Any], use: PinUse, because: dict[int, str]) -> list[str]:
    notes = []
    table = use.key.partition(".")[0]
    if use.direction == "pulled" and board[table].get(_PULLED[table], False):
        notes.append("10 kOhm to 3V3")
    elif use.direction == "pulled":
        notes.append("pulled up inside the chip")
    if use.pin in CHIPS[board["chip"]].input_only:
        notes.append("input-only pin")
    if use.pin in because:
        notes.append(because[use.pin])
    return notes


def tied(board: dict[str, Any]) -> list[str]:
    """What has no pin of its own and goes elsewhere."""
    panel, nfc = board["panel"], board["nfc"]
    elsewhere = [] if "cs" in panel else ["panel CS to ground"]
    elsewhere += [] if "reset" in panel else ["panel RESET to EN"]
    elsewhere += [] if "backlight" in panel else ["panel backlight to 3V3"]
    elsewhere += [] if "reset" in nfc else ["card reader RSTPDN to EN"]
    return elsewhere


def markdown(board: dict[str, Any]) -> str:
    """A board's section: what it is, its wires, its flash."""
    chip, psram = CHIPS[board["chip"]], board["psram"]
    memory = f"{psram['size_mib']} MB {psram['mode']} PSRAM" if psram["size_mib"] else "no PSRAM"
    panel, nfc = board["panel"], board["nfc"]
    parts = (
        f"{panel['driver'].upper()} panel {panel['width']}x{panel['height']}, "
        f"PN532 on {_TRANSPORTS[nfc['transport']]}, "
        f"ESC/POS printer of {board['printer']['width_dots']} dots"
    )
    lines = [
        f"### {board['name']}",
        "",
        f"{board['title']}.",
        f"{chip.title}, {board['flash']['size_mib']} MB flash, {memory}; {parts}.",
        "",
        "| Part | Signal | GPIO | Note |",
        "|---|---|---|---|",
    ]
    lines += [f"| {r['part']} | {r['signal']} | {r['gpio']} | {r['note']} |" for r in rows(board)]
    if elsewhere := tied(board):
        sentence = ", ".join(elsewhere)
        lines += ["", f"Without a pin: {sentence}."]
    lines += ["", "| Partition | Type | Offset | Size |", "|---|---|---|---|"]
    for partition in sorted(board["partitions"], key=lambda each: each["offset"]):
        kind, size = f"{partition['type']}, {partition['subtype']}", partition["size"] // 1024
        lines.append(f"| {partition['name']} | {kind} | {partition['offset']:#x} | {size} KB |")
    return "\n".join(lines)


def replaced(text: str) -> str:
    """The README's text with the tables of today's board files.

    Raises BoardFileError when the marks around them are missing.
    """
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise BoardFileError(f"{README}: the marks around the wiring tables are missing")
    sections = "\n\n".join(markdown(load(name)) for name in names())
    return f"{before}{BEGIN}\n\n{sections}\n\n{END}{after}"


def write(readme: Path = README) -> bool:
    """Bring the README's tables up to date; whether anything changed."""
    old = readme.read_text("utf-8")
    new = replaced(old)
    if new != old:
        readme.write_text(new, "utf-8")
    return new != old


__all__ = ["BEGIN", "END", "README", "markdown", "replaced", "rows", "tied", "write"]
