"""`kassa tlv`: any EMV data in words, on the command line."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from typing import Annotated, Any, NamedTuple

import typer
from rich.console import Console
from rich.text import Text

from host_tools import lens
from host_tools.lens import fields
from host_tools.lens.applications import PROVIDERS

_WRONG_DATA, _WRONG_INPUT = 1, 2
_SCHEMES = sorted({scheme for scheme, _ in PROVIDERS.values() if scheme})
_SEPARATORS = " \t\r\n\f\v:-_,"
_WIDEST_VALUE = 64  # hexadecimal digits a line

tlv = typer.Typer(no_args_is_help=True, help="EMV data in words.")

Words = Annotated[
    list[str],
    typer.Argument(
        metavar="HEX...", help="Hexadecimal digits, spaces between them or not; - reads them."
    ),
]
Scheme = Annotated[
    str,
    typer.Option(help=f"Whose data: {', '.join(_SCHEMES)}; else as the data say."),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON instead.")]


class Bytes(NamedTuple):
    """What a person typed, as far as it is hexadecimal, and what is wrong ("" for nothing)."""

    data: bytes
    wrong: str


def add_commands(app: typer.Typer) -> None:
    app.add_typer(tlv, name="tlv")


@tlv.command()
def decode(
    words: Words,
    tag: Annotated[
        str, typer.Option(help="The digits are the bare value of this tag, e.g. 9F66.")
    ] = "",
    scheme: Scheme = "",
    as_json: Json = False,
) -> None:
    """Data objects as a tree: names, bits, countries, amounts, dates, lists.

    Exit status 0: all of it could be read; 1: there is a mistake in it, named with its place, and
    what could be read is shown; 2: the digits are no hexadecimal.
    """
    context = _context(scheme)
    typed = from_hex(_typed(words))
    if tag:
        number = _tag(tag)
        context.survey([(number, typed.data)])
        decoded, troubles = [fields.of_value(number, typed.data, context)], []
    else:
        decoded, troubles = lens.tree(typed.data, context)
    # Digits that end early make an object look cut off: that is said once.
    wrong = [typed.wrong] if typed.wrong else [f"byte {at}: {what}" for at, what in troubles]
    if not typed.data and not typed.wrong:
        wrong, typed = ["there is nothing to decode"], typed._replace(wrong="nothing")
    if as_json:
        print(json.dumps({"fields": decoded, "errors": wrong}, indent=2, ensure_ascii=False))
    else:
        show(decoded)
    _end(wrong, _WRONG_INPUT if typed.wrong else _WRONG_DATA)


@tlv.command()
def apdu(words: Words, as_json: Json = False) -> None:
    """Commands and answers in turn, each one argument (or one line of what - reads).

    The values that a command hands over are named by the list (DOL) that an earlier answer asked
    with, so give the exchanges of one tap together.
    """
    reader, told, wrong = lens.Lens(), [], []
    lines = words
    if words == ["-"]:
        lines = [line for line in sys.stdin.read().splitlines() if line.strip()]
    for at in range(0, len(lines), 2):
        pair = [from_hex(line) for line in lines[at : at + 2]]
        wrong += [
            f"{'answer' if place else 'command'} {at // 2 + 1}: {each.wrong}"
            for place, each in enumerate(pair)
            if each.wrong
        ]
        answer = pair[1].data if len(pair) > 1 else None
        told.append(reader.decode(pair[0].data, answer))
    if not lines:
        wrong = ["there is nothing to decode"]
    if as_json:
        print(json.dumps({"exchanges": told, "errors": wrong}, indent=2, ensure_ascii=False))
    else:
        for exchange in told:
            show_exchange(exchange, console())
    _end(wrong, _WRONG_INPUT)


def from_hex(typed: str) -> Bytes:
    """Bytes of what a person typed; separators between digits and 0x before them are welcome."""
    digits = ""
    for place, letter in enumerate(typed):
        if letter in _SEPARATORS:
            continue
        if letter in "xX" and digits.endswith("0") and len(digits) % 2:
            digits = digits[:-1]
            continue
        if letter not in "0123456789abcdefABCDEF":
            whole = bytes.fromhex(digits[: len(digits) // 2 * 2])
            return Bytes(whole, f"character {place + 1} ({letter!r}) is no hexadecimal digit")
        digits += letter
    whole = bytes.fromhex(digits[: len(digits) // 2 * 2])
    odd = f"{len(digits)} digits: byte {len(whole)} is half there" if len(digits) % 2 else ""
    return Bytes(whole, odd)


def console() -> Console:
    """The page that fields are printed on: nobody wraps or colours hexadecimal for us."""
    return Console(highlight=False, soft_wrap=True)


def show(decoded: Iterable[dict[str, Any]], page: Console | None = None, indent: int = 0) -> None:
    """Print fields as a tree: tag, name and value, and below what it says."""
    page = console() if page is None else page
    for field in decoded:
        line = Text(" " * indent)
        line.append(field["tag"] or "--", style="bold cyan")
        line.append(f"  {field['name']}")
        if not field["value"] and not field["fields"] and field["length"]:
            plural = "s" * (field["length"] != 1)
            line.append(f"  {field['length']} byte{plural}", style="dim")
        inner = indent + 4
        if 0 < len(field["value"]) <= _WIDEST_VALUE:
            line.append(f"  {field['value']}", style="green")
        page.print(line)
        if len(field["value"]) > _WIDEST_VALUE:
            for at in range(0, len(field["value"]), _WIDEST_VALUE):
                part = field["value"][at : at + _WIDEST_VALUE]
                page.print(Text(" " * inner + part, style="green"))
        for text in field["text"]:
            page.print(Text(" " * inner + text))
        show(field["fields"], page, inner)


def show_exchange(exchange: dict[str, Any], page: Console) -> None:
    """Print a command and its answer."""
    command, answer = exchange["command"], exchange["response"]
    page.print(Text(f"{command['name']} {command['text']}".rstrip(), style="bold"))
    page.print(Text(f"  > {command['hex']}", style="dim"))
    show(command["fields"], page, 4)
    if answer is None:
        page.print(Text("  no answer"))
        return
    page.print(Text(f"  < {answer['hex']}", style="dim"))
    page.print(Text(f"  {answer['sw']} {answer['meaning']}".rstrip()))
    show(answer["fields"], page, 4)


def _typed(words: list[str]) -> str:
    return sys.stdin.read() if words == ["-"] else " ".join(words)


def _context(scheme: str) -> lens.Context:
    if scheme and scheme not in _SCHEMES:
        _end([f"--scheme {scheme}: there are {', '.join(_SCHEMES)}"], _WRONG_INPUT)
    return lens.Context(scheme=scheme)


def _tag(typed: str) -> int:
    try:
        return int(typed, 16)
    except ValueError:
        _end([f"--tag {typed}: a tag is hexadecimal, as in 9F66"], _WRONG_INPUT)
        raise


def _end(wrong: list[str], status: int) -> None:
    for line in wrong:
        print(f"kassa tlv: {line}", file=sys.stderr)
    if wrong:
        raise typer.Exit(status)
