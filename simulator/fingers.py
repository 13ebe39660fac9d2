"""How a person presses a key: down and up again, each until the terminal has seen it.

A terminal in real time may be slow when its computer is busy.  A person would look and listen;
here the keypad counts how often it was scanned.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from simulator.chips.keypad import KeypadMatrix

_DOWN_S, _UP_S = 0.07, 0.05
# Two equal readings are a key; the first may be of a bounce, one may have begun before.
SCANS_DOWN, SCANS_UP = 4, 4
_NOTICED_WITHIN_S = 10.0


def noticed(keypad: KeypadMatrix, name: str, enough: int) -> bool:
    """Whether the terminal has scanned the key so often, or waits for the next one already."""
    return keypad.scans(name) >= enough or (name not in keypad.held and keypad.at_rest)


async def press(
    keypad: KeypadMatrix,
    name: str,
    down: Callable[[str], None],
    up: Callable[[str], None],
    wait: Callable[[float], Awaitable[None]],
    until: Callable[[Callable[[], bool], float], Awaitable[bool]] | None,
) -> None:
    """Press a key and let it go, as `down` and `up` move the finger.

    wait(seconds); until(happened, within_s), None where time waits for the terminal.  A terminal
    that scans no keys is given up after ten seconds.
    """
    for move, hold_s, looks in ((down, _DOWN_S, SCANS_DOWN), (up, _UP_S, SCANS_UP)):
        move(name)
        enough = keypad.scans(name) + looks
        await wait(hold_s)
        if until is not None:
            await until(lambda enough=enough: noticed(keypad, name, enough), _NOTICED_WITHIN_S)
