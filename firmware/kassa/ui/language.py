"""Words for people: one catalogue a language, amounts and dates as people write them.

A catalogue is a JSON object of plain strings, one `  "key": "value",` a line and no escapes, so
that it can stay one block of bytes in memory and be searched instead of becoming some hundred
small objects. Keys name the meaning ("declined.card_expired"); values may hold `{name}` places.
"""

from typing import TYPE_CHECKING

from kassa.system.currency import minor_digits

if TYPE_CHECKING:
    from collections.abc import Callable

LANGUAGES = ("en", "zh")
"""In the order of the language key; the first is the one to fall back to."""

_NO_BREAK = "\u00a0"


def load_from(directory: str) -> "Callable[[str], bytes]":
    """A loader that reads `<directory>/<language>.json`; OSError when there is none."""

    def load(language: str) -> bytes:
        with open(directory + "/" + language + ".json", "rb") as file:
            return file.read()

    return load


class Catalogue:
    """The words of one language at a time.

    source      folder of the catalogues, or a function from language to the JSON's bytes
    language    "en" or "zh", as for `use`

    One catalogue is in memory at a time (some 8 KB); `use` reads the other.
    """

    def __init__(self, source: "str | Callable[[str], bytes]", language: str) -> None:
        self._load = load_from(source) if isinstance(source, str) else source
        self.language = ""
        self._words = b""
        self.use(language)

    def use(self, language: str) -> None:
        """Speak `language`, or the first of LANGUAGES if it is none of them, from now on.

        OSError, and the old one stays, when the catalogue cannot be read.
        """
        if language not in LANGUAGES:
            language = LANGUAGES[0]
        if language != self.language:
            self._words = self._load(language)
            self.language = language

    def next_language(self) -> str:
        """The language that the language key would switch to."""
        at = LANGUAGES.index(self.language) + 1
        return LANGUAGES[at % len(LANGUAGES)]

    def has(self, key: str) -> bool:
        return self._find(key) is not None

    def t(self, key: str, **values: object) -> str:
        """The text for `key` with `values` put in its places.

        A key without a text gives the key itself: an ugly word on the screen, but not the end of a
        sale.
        """
        text = self._find(key)
        if text is None:
            return key
        return text.format(**values) if values else text

    def _find(self, key: str) -> "str | None":
        mark = ('\n  "' + key + '": "').encode()
        start = self._words.find(mark)
        if start < 0:
            return None
        start += len(mark)
        # The line ends in `"` and, but for the last one, a comma.
        end = self._words.find(b"\n", start) - 1
        if self._words[end] != 0x22:
            end -= 1
        return self._words[start:end].decode()

    def format_number(self, minor: int, currency: str) -> str:
        """An amount's figures, e.g. 123450 EUR -> "1,234.50", 1250 JPY -> "1,250"."""
        digits = minor_digits(currency)
        text = "%0*d" % (digits + 1, abs(minor))
        whole = text[: len(text) - digits]
        cents = text[len(text) - digits :]
        groups = []
        while len(whole) > 3:
            groups.insert(0, whole[-3:])
            whole = whole[:-3]
        groups.insert(0, whole)
        number = self.t("number.group").join(groups)
        if cents:
            number += self.t("number.point") + cents
        return "-" + number if minor < 0 else number

    def format_amount(self, minor: int, currency: str) -> str:
        """An amount with its currency as the language writes it: "€12.50", "CHF 12.50"."""
        pattern = self._find("currency." + currency)
        number = self.format_number(abs(minor), currency)
        if pattern is None:
            pattern = currency + _NO_BREAK + "{amount}"
        text = pattern.format(amount=number)
        return "-" + text if minor < 0 else text

    def format_plain_amount(self, minor: int, currency: str) -> str:
        """An amount with its ISO 4217 code, for paper: "EUR 12.50"."""
        return currency + " " + self.format_number(minor, currency)

    def format_date(self, moment: "tuple[int, ...]") -> str:
        """The date of (year, month, day, ...), e.g. "22 Nov 2026"."""
        year, month, day = moment[0], moment[1], moment[2]
        return self.t("date", year=year, month=self.t("month.%d" % month), day=day)

    def format_time(self, moment: "tuple[int, ...]") -> str:
        """Hours and minutes of (year, month, day, hour, minute, ...), e.g. "09:05"."""
        return "%02d:%02d" % (moment[3], moment[4])
