"""The parts that only a person can judge, or must lend a hand to: `kassa doctor --attended`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Protocol

from host_tools.doctor_finding import FAIL, OK, Finding, remedy

_SHORT_S = 30
_LONG_S = 90


class Person(Protocol):
    """Somebody in front of the board."""

    def does(self, what: str) -> None:
        """Is told to do something, and does it meanwhile."""
        ...

    def sees(self, question: str) -> bool:
        """Answers a question."""
        ...


# ask(call of doctor.py, name, seconds without a word) gives the findings that the board prints.
Ask = Callable[[str, str, float], list[Finding]]

_SEEN = (
    (
        "panel pattern",
        "pattern",
        "Three bands, red on top, green, blue, and a white line all around?",
        "remedy.panel",
    ),
    (
        "lamps and buzzer",
        "signals",
        "Did the four lamps come on from left to right, then one high tone, then two low ones?",
        "remedy.seen",
    ),
    (
        "test slip",
        "slip",
        "Was a slip printed, KASSA TEST SLIP in bold in the middle, and cut or fed out?",
        "remedy.printer",
    ),
)
_DONE = (
    ("keys", "Press every key once, in any order; each is answered by a tone. One minute."),
    ("card", "Hold a card, a phone or a watch to the reader."),
    ("opening", "Open the case, or let go of its switch, and close it again."),
)


def findings(
    ask: Ask, person: Person, awake: Callable[[], AbstractContextManager[None]]
) -> Iterator[Finding]:
    """One after the other; each waits for the person.  awake: keeps the board's watchdog quiet
    while somebody thinks.
    """
    for name, call, question, advice in _SEEN:
        trouble = ask(f"attend({call!r})", name, _SHORT_S)
        if trouble:
            helps = remedy(advice)
            yield from (replace(one, name=name, remedy=one.remedy or helps) for one in trouble)
            continue
        with awake():
            seen = person.sees(question)
        if seen:
            yield Finding(name, OK, "as it should be")
        else:
            yield Finding(name, FAIL, "not as it should be", remedy(advice))
    for name, what in _DONE:
        person.does(what)
        yield from ask(f"attend({name!r})", name, _LONG_S)
