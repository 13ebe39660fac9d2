"""The fuzzers change what they say, where they say it, and nothing else."""

import collections
import random

import pytest
from kassa.emv import apdu

from simulator import cards
from simulator.cards import ber
from simulator.cards.fuzz import (
    CERTIFICATES_AND_SIGNATURES,
    EDITS,
    MUTATIONS,
    STATUS_WORDS,
    Fuzzer,
    every_bit,
    every_object,
    every_status,
)
from tests.cards.reader import TC, Session, present
from tests.cards.test_verification import METHODS, check, verification

PPSE = apdu.select(apdu.PPSE)
Exchange = list[tuple[bytes, bytes]]


def good(name: str) -> Exchange:
    return present(cards.load(name), TC, 1250).exchange


def replay(card: cards.Card, commands: Exchange) -> Exchange:
    card.reset()
    return [(command, card.transceive(command)) for command, _ in commands]


def differences(one: Exchange, other: Exchange) -> list[int]:
    return [i for i, (a, b) in enumerate(zip(one, other, strict=True)) if a != b]


# -- one thing at a time


@pytest.mark.parametrize("name", [*METHODS])
def test_every_bit_of_every_certificate_and_signature_is_flipped_once(name: str) -> None:
    exchange = good(name)
    sizes = collections.Counter(
        node.number
        for _, answer in exchange
        for _, node in ber.walk(ber.parse(answer[:-2]))
        for _ in range(8 * len(node.value))
        if node.number in CERTIFICATES_AND_SIGNATURES
    )
    told = [what for what, _ in every_bit(name, exchange)]
    assert len(told) == len(set(told)) == sum(sizes.values())
    found = {what.split()[2] for what in told}
    needed = {"fast": "90 9F46 9F4B", "combined": "90 9F46 9F4B", "static": "90 93"}
    assert set(needed[METHODS[name]].split()) <= found


def test_a_flipped_bit_is_one_bit_of_one_answer() -> None:
    exchange = good("discover_debit")
    for index, (what, card) in enumerate(every_bit("discover_debit", exchange)):
        if index % 400:
            continue
        changed = replay(card, exchange)
        (step,) = differences(exchange, changed)
        assert what.startswith(f"step {step}: ")
        pairs = zip(exchange[step][1], changed[step][1], strict=True)
        assert sum((a ^ b).bit_count() for a, b in pairs) == 1


@pytest.mark.parametrize("name", ["visa_debit", "mastercard_debit", "amex_static"])
def test_a_card_with_a_flipped_bit_is_not_believed(name: str) -> None:
    exchange = good(name)
    mutants = [m for i, m in enumerate(every_bit(name, exchange)) if i % 97 == 0]
    assert len(mutants) > 20
    for what, card in mutants:
        with pytest.raises(verification.NotVerified):
            check(name, Session(exchange=replay(card, exchange)))  # type: ignore[arg-type]
        assert what


@pytest.mark.parametrize("name", ["jcb_debit", "unionpay_debit", "amex_debit"])
def test_every_object_is_dropped_doubled_contradicted_emptied_and_lengthened(name: str) -> None:
    exchange = good(name)
    objects = sum(len(list(ber.walk(ber.parse(answer[:-2])))) for _, answer in exchange)
    mutants = list(every_object(name, exchange))
    assert len(mutants) == objects * len(EDITS) and len(EDITS) == 5
    for what, card in mutants[:: 7 if len(mutants) % 7 else 11]:
        changed = replay(card, exchange)
        (step,) = differences(exchange, changed)
        assert what.startswith(f"step {step}: ")
        ber.parse(changed[step][1][:-2])  # lengths around it still fit
        assert changed[step][1][-2:] == b"\x90\x00"


def edited(name: str, tag: str, how: str) -> bytes:
    exchange = good("visa_debit")
    cards_by_name = dict(every_object("visa_debit", exchange))
    step = next(what.split(":")[0] for what in cards_by_name if f" {tag} " in what)
    changed = replay(cards_by_name[f"{step}: {tag} {how}"], exchange)
    return changed[int(step.split()[1])][1]


def test_what_is_done_to_an_object_is_what_its_name_says() -> None:
    ctq = bytes.fromhex("9F6C022800")
    assert ctq not in edited("visa_debit", "9F6C", "dropped")
    assert ctq + ctq in edited("visa_debit", "9F6C", "doubled")
    contradicted = edited("visa_debit", "9F6C", "contradicted")
    assert ctq in contradicted and bytes.fromhex("9F6C022801") in contradicted
    assert bytes.fromhex("9F6C00") in edited("visa_debit", "9F6C", "emptied")
    assert bytes.fromhex("9F6C03280000") in edited("visa_debit", "9F6C", "lengthened")
    assert edited("visa_debit", "77", "emptied") == bytes.fromhex("77009000")


def test_every_answer_comes_under_every_status_word() -> None:
    exchange = good("visa_debit")
    mutants = list(every_status("visa_debit", exchange))
    assert len(mutants) == len(exchange) * len(STATUS_WORDS) * 2
    for what, card in mutants[::31]:
        changed = replay(card, exchange)
        (step,) = differences(exchange, changed)
        sw = what.split()[2]
        answer, before = changed[step][1], exchange[step][1]
        assert answer[-2:].hex().upper() == sw
        assert answer[:-2] == (before[:-2] if what.endswith("data") else b"")


def test_a_mutant_is_a_mutant_each_time_it_is_presented() -> None:
    exchange = good("visa_debit")
    what, card = next(every_bit("visa_debit", exchange))
    step = int(what.split()[1].rstrip(":"))
    first, second = replay(card, exchange), replay(card, exchange)
    assert first[step] == second[step] != exchange[step]


# -- at random


def test_the_same_seed_makes_the_same_mutations() -> None:
    def heard(seed: int) -> tuple[list[bytes], list[str]]:
        card = Fuzzer(cards.load("visa_credit"), seed, rate=1.0)
        return [card.transceive(PPSE) for _ in range(40)], card.done

    assert heard(1) == heard(1) != heard(2)


def test_the_rate_and_the_step_say_which_answers_are_mutated() -> None:
    plain = cards.load("visa_credit").transceive(PPSE)
    never = Fuzzer(cards.load("visa_credit"), 1, rate=0.0)
    assert [never.transceive(PPSE) for _ in range(20)] == [plain] * 20 and not never.done
    once = Fuzzer(cards.load("visa_credit"), 1, step=2)
    for _ in range(3):
        once.reset()
        assert [once.transceive(PPSE) == plain for _ in range(5)][:2] == [True, True]
    assert len(once.done) == 3
    some = Fuzzer(cards.load("visa_credit"), 1, rate=0.3)
    changed = sum(some.transceive(PPSE) != plain for _ in range(300))
    assert 40 <= changed <= 140


@pytest.mark.parametrize("name", MUTATIONS)
def test_every_mutation_is_made_and_changes_every_kind_of_answer(name: str) -> None:
    exchange = [*good("jcb_debit"), *good("amex_static")]
    chance = random.Random(5)
    changed = 0
    for _, answer in exchange * 4:
        before = bytes(answer)
        after = MUTATIONS[name](chance, answer)
        assert isinstance(after, bytes) and answer == before
        changed += after != before
    assert changed > len(exchange)


def test_a_thousand_answers_meet_every_mutation() -> None:
    card = Fuzzer(cards.load("mastercard_debit"), 3, rate=1.0)
    exchange = good("mastercard_debit")
    while len(card.done) < 1000:
        replay(card, exchange)
    assert set(card.done) == set(MUTATIONS)


def test_an_answer_without_data_can_be_mutated_too() -> None:
    for name, mutate in MUTATIONS.items():
        for seed in range(50):
            assert isinstance(mutate(random.Random(seed), b"\x6a\x82"), bytes), name


# -- the parser beneath


def test_trees_are_parsed_and_made_again_byte_for_byte() -> None:
    for name in METHODS:
        for _, answer in good(name):
            assert ber.encode(ber.parse(answer[:-2])) == answer[:-2]


@pytest.mark.parametrize(
    "text", ["9f", "8201", "7080", "70840000", "5f2a02", "7003820200", "30" * 999]
)
def test_bytes_that_are_no_tlv_are_said_to_be_none(text: str) -> None:
    with pytest.raises(ber.NotBer):
        ber.parse(bytes.fromhex(text))


def test_templates_without_end_are_no_tlv() -> None:
    data = b""
    for _ in range(300):
        data = b"\x70" + ber.length_field(len(data)) + data
    with pytest.raises(ber.NotBer, match="without end"):
        ber.parse(data)
