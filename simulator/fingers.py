"""How a person presses a key: down and up again, each until the terminal has seen it.

A terminal in real time may be slow when its computer is busy.  A person would look and listen;
here the keypad counts how often it was scanned.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

_DOWN_S, _UP_S = 0.07, 0.05
# Two equal readings are a key; one may have begun before, one is spare.  Once the key is up two
# more are enough: the second is followed by the wait for the next edge.
_SCANS_DOWN, _SCANS_UP = 4, 2
_NOTICED_WITHIN_S = 10.0


async def press(
    name: str,
    down: Callable[[str], None],
    up: Callable[[str], None],
    scans: Callable[[str], int],
    wait: Callable[[float], Awaitable[None]],
    until: Callable[[Callable[[], bool], float], Awaitable[bool]] | None,
) -> None:
    """Press a key and let it go.

    scans(name): how often it was looked at so far.  wait(seconds); until(happened, within_s), None
    where time waits for the terminal.  A terminal that scans no keys is given up after ten
    seconds.
    """
    for move, hold_s, looks in ((down, _DOWN_S, _SCANS_DOWN), (up, _UP_S, _SCANS_UP)):
        move(name)
        enough = scans(name) + looks
        await wait(hold_s)
        if until is not None:
            await until(lambda enough=enough: scans(name) >= enough, _NOTICED_WITHIN_S)
