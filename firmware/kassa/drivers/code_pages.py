"""Which letters the printer's code pages hold, and which page a line of text fits.

The tables are Epson's ESC t pages; each string lists the letters of the codes 80 to FF, with
U+FFFD where the page has none.  MicroPython has no codecs but UTF-8.
"""

# ESC t n, in the order of preference; every page begins with ASCII.
WPC1252 = (
    16,
    "€\ufffd‚ƒ„…†‡ˆ‰Š‹Œ\ufffdŽ\ufffd\ufffd‘’“”•–—˜™š›œ\ufffdžŸ"
    "\xa0¡¢£¤¥¦§¨©ª«¬\xad®¯°±²³´µ¶·¸¹º»¼½¾¿"
    "ÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÐÑÒÓÔÕÖ×ØÙÚÛÜÝÞß"
    "àáâãäåæçèéêëìíîïðñòóôõö÷øùúûüýþÿ",
)
PC858 = (
    19,
    "ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜø£Ø×ƒ"
    "áíóúñÑªº¿®¬½¼¡«»░▒▓│┤ÁÂÀ©╣║╗╝¢¥┐"
    "└┴┬├─┼ãÃ╚╔╩╦╠═╬¤ðÐÊËÈ€ÍÎÏ┘┌█▄¦Ì▀"
    "ÓßÔÒõÕµþÞÚÛÙýÝ¯´\xad±‗¾¶§÷¸°¨·¹³²■\xa0",
)
PC852 = (
    18,
    "ÇüéâäůćçłëŐőîŹÄĆÉĹĺôöĽľŚśÖÜŤťŁ×č"
    "áíóúĄąŽžĘę¬źČş«»░▒▓│┤ÁÂĚŞ╣║╗╝Żż┐"
    "└┴┬├─┼Ăă╚╔╩╦╠═╬¤đĐĎËďŇÍÎě┘┌█▄ŢŮ▀"
    "ÓßÔŃńňŠšŔÚŕŰýÝţ´\xad˝˛ˇ˘§÷¸°¨˙űŘř■\xa0",
)
PC437 = (
    0,
    "ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥₧ƒ"
    "áíóúñÑªº¿⌐¬½¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐"
    "└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀"
    "αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■\xa0",
)
PAGES = (WPC1252, PC858, PC852, PC437)

_FIRST_LETTER = " "
_DELETE = "\x7f"


def page_for(line: str, current: int = 0) -> "tuple[int, str] | None":
    """The page that holds every letter of `line`: the one numbered `current` if it does, else the
    first.

    None when no page does.  Control characters are in no page: they would be commands.
    """
    found = None
    for page in PAGES:
        if (page[0] == current or found is None) and _fits(line, page[1]):
            if page[0] == current:
                return page
            found = page
    return found


def _fits(line: str, letters: str) -> bool:
    for letter in line:
        if not (_FIRST_LETTER <= letter < _DELETE or letter in letters) or letter == "\ufffd":
            return False
    return True


def encode(line: str, page: "tuple[int, str]") -> bytearray:
    """`line` in the codes of `page`, which must hold all its letters (`page_for`)."""
    codes = bytearray()
    for letter in line:
        codes.append(ord(letter) if letter < _DELETE else 0x80 + page[1].find(letter))
    return codes
