"""Setting text: breaking it into lines, and choosing the size in which it fits."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kassa.ui.type import Font, Fonts

_CJK = 0x2E80
_ELLIPSIS = "…"
_BALANCE = 8
_PAUSES = "，。；"
# Marks that may not begin a line.
_CLOSING = "，。！？、：；）》”’…"


def wrap(font: "Font", text: str, width: int) -> "list[str]":
    """Break `text` into as few lines as `width` pixels allow, all about as long as each other.

    Lines break at spaces, and before and after a Han character, but a closing mark stays with what
    it closes.  A word longer than a line is left too long: the caller sees its width.
    """
    pieces = _pieces(text)
    if not pieces:
        return [""]
    widths = [(font.width(piece), font.width(piece.rstrip())) for piece in pieces]
    limit = width
    ends = _fill(widths, width)
    longest = max([bare for _, bare in widths])
    while len(ends) > 1 and width - _BALANCE >= longest:
        narrower = _fill(widths, width - _BALANCE)
        if len(narrower) > len(ends):
            break
        ends = narrower
        width -= _BALANCE
    if len(ends) == 2:
        ends = _at_a_mark(pieces, widths, ends, limit)
    lines = []
    start = 0
    for end in ends:
        lines.append("".join(pieces[start:end]).strip())
        start = end
    return lines


def _fill(widths: "list[tuple[int, int]]", width: int) -> "list[int]":
    """After which pieces lines end; `widths` of each piece are with and without its blank."""
    ends = []
    used = 0
    for number, (full, bare) in enumerate(widths):
        if used and used + bare > width:
            ends.append(number)
            used = 0
        used += full
    ends.append(len(widths))
    return ends


def _at_a_mark(
    pieces: "list[str]", widths: "list[tuple[int, int]]", ends: "list[int]", width: int
) -> "list[int]":
    """Two lines rather end where a Han sentence pauses, if both still fit."""
    whole = sum([full for full, _ in widths])
    first = 0
    for number, piece in enumerate(pieces[:-1]):
        first += widths[number][0]
        if piece[-1] in _PAUSES and max(first, whole - first) <= width:
            return [number + 1, ends[-1]]
    return ends


def _pieces(text: str) -> "list[str]":
    """Parts of a text between which a line may break; joined they give the text."""
    pieces = []
    piece = ""
    for character in text:
        wide = ord(character) >= _CJK and character not in _CLOSING
        after_wide = piece != "" and (ord(piece[-1]) >= _CJK) and character not in _CLOSING
        after_space = piece.endswith(" ") and character != " "
        if piece and (wide or after_wide or after_space):
            pieces.append(piece)
            piece = ""
        piece += character
    if piece:
        pieces.append(piece)
    return pieces


def shorten(font: "Font", text: str, width: int) -> str:
    """`text`, or as much of its beginning as fits into `width` with an ellipsis."""
    if font.width(text) <= width:
        return text
    while text and font.width(text + _ELLIPSIS) > width:
        text = text[:-1]
    return text.rstrip() + _ELLIPSIS


def fit(
    fonts: "Fonts", text: str, width: int, choices: "tuple[tuple[int, int], ...]"
) -> "tuple[int, list[str]]":
    """The first of `choices` (size, most lines) in which `text` fits; gives (size, lines).

    If it fits in none, the last choice is taken and its last line cut short.
    """
    size, most = choices[0]
    lines = []
    for size, most in choices:
        font = fonts.font(size)
        lines = wrap(font, text, width)
        if len(lines) <= most and max([font.width(line) for line in lines]) <= width:
            return size, lines
    font = fonts.font(size)
    rest = " ".join(lines[most - 1 :]) if ord(text[0]) < _CJK else "".join(lines[most - 1 :])
    lines = lines[: most - 1] + [rest]
    return size, [shorten(font, line, width) for line in lines]
