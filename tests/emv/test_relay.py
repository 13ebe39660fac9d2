"""C2-14: relay resistance, off by default."""

import pytest
from kassa.emv import config

from tests.emv.mastercards import (
    kernel2,
)
from tests.emv.reader import SANDBOX, Scripted, Terminal, mastercard_of
from tests.emv.scripts import mastercard, sent


class Timed(Scripted):
    """A card that takes `ms` milliseconds for EXCHANGE RELAY RESISTANCE DATA, one value a
    round."""

    def __init__(self, card: Scripted, terminal: Terminal, ms: list[int]) -> None:
        super().__init__({})
        self.answers = card.answers
        self._terminal, self._ms = terminal, ms

    async def transceive(self, apdu: bytes) -> bytes:
        if apdu[1] == 0xEA:
            self._terminal.ticks.now += self._ms.pop(0)
        return await super().transceive(apdu)


def relay(ms: list[int], answer: str, configuration: str = "B0", aip: str = "1981") -> tuple:
    """One tap with relay resistance: the outcome, the card, the terminal."""
    terminal = Terminal(kernel2(configuration=configuration))
    terminal.prepare()
    terminal.ticks.now = 1_000
    card = mastercard(gpo={0x82: bytes.fromhex(aip)})
    card.answers[b"\x80\xea"] = answer
    timed = Timed(card, terminal, ms)
    return terminal.tap(timed), timed


# Device entropy; processing at least 2 ms and at most 10; 2.4 ms on the air
NEAR = "800A" + "01020304" + "0014" + "0064" + "0018" + "9000"


def test_C2_14_relay_resistance_is_off_by_default() -> None:
    for configuration in (
        mastercard_of(SANDBOX)["kernel2"]["configuration"],
        default_configuration(),
    ):
        found, card = relay([9], NEAR, configuration)
        assert (found.kind, found.tvr[4]) == ("online_request", 0)
        assert not sent(card, "80EA")


def default_configuration() -> str:
    read = config.from_dict({"combinations": [{"aid": "A0000000041010", "kernel": 2}]})
    return read.combinations[0].kernel2.configuration.hex()


@pytest.mark.parametrize(
    ("ms", "answer", "byte_5", "rounds"),
    [
        ([9], NEAR, 0x02, 1),  # ticks read 10 ms, 4.2 of them on the air: within 10 + 5
        ([18], NEAR, 0x02, 1),
        ([19, 9], NEAR, 0x02, 2),  # too slow once
        ([19, 19, 19], NEAR, 0x06, 3),  # too slow each time
        ([45, 45, 45], NEAR, 0x0E, 3),  # 30 ms more than it needs
        ([9], NEAR[:-8] + "000B9000", 0x0A, 1),  # the card's air time is not half of ours
        ([9], NEAR[:-8] + "000C9000", 0x02, 1),
        ([9], NEAR[:-8] + "00319000", 0x0A, 1),
        ([9], NEAR[:-8] + "00009000", 0x02, 1),  # it does not say
    ],
)
def test_C2_14_what_is_measured_goes_into_the_tvr(
    ms: list[int], answer: str, byte_5: int, rounds: int
) -> None:
    found, card = relay(list(ms), answer)
    assert (found.kind, found.tvr[4]) == ("online_request", byte_5)
    numbers = [command[5:9] for command in sent(card, "80EA")]
    assert len(numbers) == len(set(numbers)) == rounds
    assert numbers[-1] == found.unpredictable_number


def test_C2_14_a_card_without_it_is_told_in_the_tvr() -> None:
    found, card = relay([], NEAR, aip="1980")
    assert not sent(card, "80EA") and found.tvr[4] == 0x01


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ("6D00", "status bytes"),
        ("9000", "parsing error"),
        ("8009" + "00" * 9 + "9000", "parsing error"),
        ("800A" + "00000000" + "0FFF" + "0FFF" + "0018" + "9000", "card data error"),  # too quick
    ],
)
def test_C2_14_an_answer_that_cannot_be_ends_the_application(answer: str, error: str) -> None:
    found, _ = relay([9], answer)
    assert (found.kind, found.discretionary["error"]) == ("end_application", error)
