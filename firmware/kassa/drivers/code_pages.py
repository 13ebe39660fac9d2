"""Which letters the printer's code pages hold, and text in their codes.

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

_SELECT = b"\x1bt"  # ESC t n


def page_with(letter: str) -> "tuple[int, str] | None":
    """The first page that holds a letter; None when no page does.

    ASCII is in all of them; control characters are in none, since they would be commands.
    """
    if " " <= letter < "\x7f":
        return PAGES[0]
    if letter != "\ufffd":
        for page in PAGES:
            if letter in page[1]:
                return page
    return None


def encode(line: str, number: int) -> "tuple[bytearray, int] | None":
    """`line` in codes, with a change of page wherever a letter is not in the page before.

    `number` is the page that is selected already.  Returns the codes and the page selected after
    them, or None when a letter is in no page.
    """
    codes = bytearray()
    letters = ""
    for page in PAGES:
        if page[0] == number:
            letters = page[1]
    for letter in line:
        if " " <= letter < "\x7f":
            codes.append(ord(letter))
            continue
        if letter not in letters or letter == "\ufffd":
            page = page_with(letter)
            if page is None:
                return None
            number, letters = page
            codes.extend(_SELECT)
            codes.append(number)
        codes.append(0x80 + letters.find(letter))
    return codes, number
