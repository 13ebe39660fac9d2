"""Awkward cards are awkward in the way they say, and only in that."""

from pathlib import Path

import pytest
from kassa.emv import apdu

from simulator import cards
from simulator.cards import personalisation, profiles
from simulator.cards.awkward import Garbage, Slow, StatusWord, TornAfter, TruncatedAt
from simulator.cards.card import CardLost

PPSE = apdu.select(apdu.PPSE)


def plain() -> cards.Card:
    return cards.load("visa_credit")


def test_noise_is_the_same_for_the_same_seed() -> None:
    one, same, other = Garbage(plain(), 1), Garbage(plain(), 1), Garbage(plain(), 2)
    heard = [[card.transceive(PPSE) for _ in range(8)] for card in (one, same, other)]
    assert heard[0] == heard[1] != heard[2]


def test_noise_may_be_confined_to_one_answer() -> None:
    card, good = Garbage(plain(), 1, step=1), plain().transceive(PPSE)
    heard = [card.transceive(PPSE) for _ in range(3)]
    assert heard[0] == heard[2] == good != heard[1]


def test_noise_of_success_ends_in_9000_and_mutations_keep_the_length() -> None:
    good = plain().transceive(PPSE)
    assert Garbage(plain(), 1, "success").transceive(PPSE)[-2:] == b"\x90\x00"
    changed = Garbage(plain(), 1, "mutated").transceive(PPSE)
    assert len(changed) == len(good)


def test_answers_are_cut_off() -> None:
    assert TruncatedAt(plain(), 5).transceive(PPSE) == plain().transceive(PPSE)[:5]


def test_a_card_that_left_stays_away_until_it_is_presented_again() -> None:
    card = TornAfter(plain(), apdus=1)
    card.transceive(PPSE)
    for _ in range(2):
        with pytest.raises(CardLost):
            card.transceive(PPSE)
    card.reset()
    card.transceive(PPSE)
    with pytest.raises(CardLost):
        card.transceive(PPSE)


def test_a_card_pulled_away_once_stays_the_next_time() -> None:
    size = len(PPSE) + len(plain().transceive(PPSE))
    card = TornAfter(plain(), bytes_=size, times=1)
    card.transceive(PPSE)
    with pytest.raises(CardLost):
        card.transceive(PPSE)
    card.reset()
    for _ in range(5):
        card.transceive(PPSE)


def test_a_slow_card_takes_longer_and_says_the_same() -> None:
    card = Slow(plain(), 400)
    assert card.response_time_ns(PPSE) - plain().response_time_ns(PPSE) == 400_000_000
    assert card.transceive(PPSE) == plain().transceive(PPSE)


def test_a_status_word_comes_once_a_session_at_its_step() -> None:
    card = StatusWord(plain(), 0x6F00, 1)
    for _ in range(2):
        assert [card.transceive(PPSE)[-2:].hex() for _ in range(3)] == ["9000", "6f00", "9000"]
        card.reset()


def test_two_cards_are_two_in_the_field() -> None:
    pair = cards.load("two_cards")
    assert [card.name for card in pair.cards] == ["visa_credit", "mastercard_credit"]
    assert len({card.uid for card in pair.cards}) == 2
    assert [card.name for card in plain().cards] == ["visa_credit"]


def test_a_name_that_is_none_is_a_key_error() -> None:
    for name in ("visa_platinum", "../profiles/visa_credit", ""):
        with pytest.raises(KeyError):
            cards.load(name)


GOOD = """
title = "x"
[card]
uid = "01020304"
ats = "0578809102"
[[application]]
applet = "visa"
aid = "A0000000031010"
label = "X"
pan = "4761739001010119"
expiry = "311231"
effective = "240101"
cvn = 18
"""


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("cvn = 18", "cvn = 11", "cvn"),
        ("cvn = 18", "", "cvn is missing"),
        ('"visa"', '"mastercard"', "applet"),
        ("0119", "0118", "check digit"),
        ("4761739001010119", "4111111111111111", "411111"),
        ('"A0000000031010"', '"zz"', "aid"),
        ("label", "lable", "lable"),
        ("title", "titel", "titel"),
        ("[card]", "[cart]", "cart"),
        ('title = "x"', "title = ", "bad.toml"),
    ],
)
def test_a_profile_that_is_wrong_is_said_to_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, old: str, new: str, words: str
) -> None:
    monkeypatch.setattr(profiles, "FOLDER", tmp_path)
    (tmp_path / "bad.toml").write_text(GOOD.replace(old, new))
    profiles.profile.cache_clear()
    try:
        with pytest.raises(personalisation.ProfileError, match=words):
            cards.load("bad")
    finally:
        profiles.profile.cache_clear()
