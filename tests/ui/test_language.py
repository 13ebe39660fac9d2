"""The catalogues agree with each other and with the code; amounts look as people write them."""

from __future__ import annotations

import ast
import json
import re
import string
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kassa.payment import responses
from kassa.system.currency import CURRENCIES, UnknownCurrency, minor_digits
from kassa.ui.language import LANGUAGES, Catalogue

FIRMWARE = Path(__file__).parents[2] / "firmware"
WORDS = FIRMWARE / "assets" / "words"
NBSP = "\u00a0"


def catalogue(language: str) -> Catalogue:
    return Catalogue(str(WORDS), language)


def words(language: str) -> dict[str, str]:
    return json.loads((WORDS / f"{language}.json").read_text(encoding="utf-8"))


def places(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def test_there_is_a_catalogue_for_every_language_and_no_other() -> None:
    assert {path.stem for path in WORDS.glob("*.json")} == set(LANGUAGES)


def test_all_catalogues_have_the_same_keys_in_the_same_order() -> None:
    first, *others = (list(words(language)) for language in LANGUAGES)
    for other in others:
        assert other == first


def test_a_text_has_the_same_places_in_every_language() -> None:
    for key, text in words(LANGUAGES[0]).items():
        for language in LANGUAGES[1:]:
            assert places(words(language)[key]) == places(text), key


def test_no_text_is_empty_or_has_blanks_around_it() -> None:
    for language in LANGUAGES:
        for key, text in words(language).items():
            assert text and text == text.strip(), key


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_entry_is_found_as_json_has_it(language: str) -> None:
    spoken = catalogue(language)
    for key, text in words(language).items():
        assert spoken.has(key)
        assert spoken.t(key) == text


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_catalogue_file_is_one_entry_a_line_without_escapes(language: str) -> None:
    text = (WORDS / f"{language}.json").read_text(encoding="utf-8")
    assert "\\" not in text
    lines = text.splitlines()
    assert lines[0] == "{" and lines[-1] == "}"
    for line in lines[1:-1]:
        assert re.fullmatch(r'  "[a-z0-9_.A-Z]+": "[^"]+",?', line), line


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_key_is_there_twice(language: str) -> None:
    text = (WORDS / f"{language}.json").read_text("utf-8")
    keys = [key for key, _ in json.loads(text, object_pairs_hook=list)]
    assert sorted(keys) == sorted(set(keys))


def test_a_key_is_not_found_inside_of_another_or_in_a_text() -> None:
    spoken = catalogue("en")
    for wrong in ("title", "approved", "APPROVED", "declined.", "", 'month.1": "Jan'):
        assert not spoken.has(wrong)
        assert spoken.t(wrong) == wrong


def test_the_language_chip_names_the_language_that_comes_next() -> None:
    spoken = catalogue(LANGUAGES[0])
    for _ in LANGUAGES:
        named = spoken.t("language.other")
        following = spoken.next_language()
        spoken.use(following)
        assert named in (spoken.t("language.name"), following.upper())
    assert spoken.language == LANGUAGES[0]


def test_an_unknown_language_becomes_the_first() -> None:
    assert catalogue("xx").language == LANGUAGES[0]


def test_a_catalogue_that_cannot_be_read_leaves_the_old_one() -> None:
    def load(language: str) -> bytes:
        if language != "en":
            raise OSError(2)
        return (WORDS / "en.json").read_bytes()

    spoken = Catalogue(load, "en")
    with pytest.raises(OSError):
        spoken.use("zh")
    assert (spoken.language, spoken.t("welcome.title")) == ("en", "Welcome")


@pytest.mark.parametrize("code", [*sorted(responses._REASONS), "05", "99", "ZZ"])
def test_every_response_code_has_a_reason_in_plain_words(code: str) -> None:
    for language in LANGUAGES:
        assert catalogue(language).has("declined." + responses.decline_reason(code))


def firmware_sources(*rooms: str) -> list[tuple[Path, ast.Module]]:
    paths = [path for room in rooms for path in sorted((FIRMWARE / "kassa" / room).rglob("*.py"))]
    return [(path, ast.parse(path.read_text(encoding="utf-8"))) for path in paths]


def literal(node: ast.expr | None) -> str | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def called(node: ast.AST) -> str:
    if not isinstance(node, ast.Call):
        return ""
    function = node.func
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def test_every_key_that_the_code_names_is_in_the_catalogues() -> None:
    known = words("en")
    asked = set()
    for _, tree in firmware_sources("ui", "app", "payment"):
        for node in ast.walk(tree):
            if called(node) == "t" and node.args:
                asked |= {text for text in [literal(node.args[0])] if text}
            if called(node) == "decline" and node.args and literal(node.args[0]):
                asked.add("declined." + literal(node.args[0]))
    asked = {key for key in asked if not key.endswith(".") and "%" not in key}
    assert len(asked) > 30
    assert asked <= set(known), asked - set(known)


def test_no_words_for_people_stand_in_the_code() -> None:
    """What is drawn or printed comes from a catalogue: a literal must not go there directly."""
    drawing = {"line", "short_line", "title", "text", "paragraph", "say", "message", "head"}
    kinds = {"center", "pair", "big", "title"}
    found = []
    for path, tree in firmware_sources("ui", "app", "payment"):
        for node in ast.walk(tree):
            texts: list[ast.expr] = []
            if called(node) in drawing:
                texts = list(node.args)
            elif called(node) == "choose":
                texts = [leaf for arg in node.args for leaf in ast.walk(arg)]
            elif isinstance(node, ast.Tuple) and node.elts and literal(node.elts[0]) in kinds:
                texts = node.elts[1:]
            for text in map(literal, texts):
                if text and re.search(r"[^\W\d_]{2}", text) and text not in words("en"):
                    found.append((path.name, text))
    # kassa.ui.paper compares row kinds; the receipt's rule is made of hyphens.
    assert found == []


# -- amounts, dates -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("language", "minor", "currency", "written"),
    [
        ("en", 1250, "EUR", "€12.50"),
        ("en", 5, "EUR", "€0.05"),
        ("en", 0, "EUR", "€0.00"),
        ("en", 123456789, "USD", "$1,234,567.89"),
        ("en", 1250, "JPY", "¥1,250"),
        ("zh", 1250, "JPY", "JP¥1,250"),
        ("zh", 1250, "CNY", "¥12.50"),
        ("en", 1250, "CNY", "CN¥12.50"),
        ("zh", 1250, "USD", "US$12.50"),
        ("en", 1250, "CHF", f"CHF{NBSP}12.50"),
        ("en", 1250, "KWD", f"KWD{NBSP}1.250"),
        ("en", -1250, "EUR", "-€12.50"),
        ("en", 99999999, "GBP", "£999,999.99"),
    ],
)
def test_an_amount_is_written_as_its_language_writes_its_currency(
    language: str, minor: int, currency: str, written: str
) -> None:
    assert catalogue(language).format_amount(minor, currency) == written


def test_paper_gets_the_currency_as_its_code() -> None:
    assert catalogue("zh").format_plain_amount(123450, "EUR") == "EUR 1,234.50"


@given(minor=st.integers(-(10**12), 10**12), currency=st.sampled_from(sorted(CURRENCIES)))
def test_the_figures_of_an_amount_are_its_minor_units(minor: int, currency: str) -> None:
    number = catalogue("en").format_number(minor, currency)
    assert int(re.sub(r"[,.]", "", number)) == minor
    whole, _, cents = number.lstrip("-").partition(".")
    assert len(cents) == minor_digits(currency)
    assert re.fullmatch(r"[0-9]{1,3}(,[0-9]{3})*", whole)


def test_an_unknown_currency_is_refused() -> None:
    with pytest.raises(UnknownCurrency):
        catalogue("en").format_amount(1, "XXX")


def test_a_date_is_written_as_its_language_writes_it() -> None:
    moment = (2026, 3, 7, 9, 5, 1)
    assert catalogue("en").format_date(moment) == "7 Mar 2026"
    assert catalogue("zh").format_date(moment) == "2026年3月7日"
    assert catalogue("zh").format_time(moment) == "09:05"
