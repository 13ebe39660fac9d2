"""`kassa-sim board`: a virtual board until Ctrl-C, and what one types to it.

On standard output a line a port, `port NAME`, then what happens to the board.  Commands come on
standard input; `help` lists them.  The end of standard input ends nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import os
import shlex
import signal
import stat
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from simulator.board import VirtualBoard
from simulator.board_hands import Hands

HELP = """\
press KEY...        digits, ENTER, CANCEL, CLEAR, LANG, MENU: press 1250 ENTER
tap CARD            hold a card to the reader: tap visa_credit
paper STATE         ok, near_end, out
case open|closed    the tamper switch
screen [FILE.png]   the words on the screen, or its picture
receipt [FILE.png]  what was printed, or its picture
power off|on        the plug
reset               the reset button
unplug              pull the cables of the console, for good
quit                save the flash and end"""


@dataclass
class Wishes:
    """What the command line asks for.  tcp: None for none, 0 for any free port."""

    board: str
    pty: bool
    tcp: int | None
    state: Path | None
    heap: int
    bare: bool = False


async def run(wishes: Wishes, say: Callable[[str], None]) -> None:
    """Serve until a signal or `quit`.  Raises StateError, OSError when the port is taken."""
    over = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, over.set)
    async with VirtualBoard(
        wishes.board, state=wishes.state, heap=wishes.heap, bare=wishes.bare, on_event=say
    ) as board:
        hands = Hands(board)
        if wishes.pty:
            say(f"port {board.open_pty()}")
        if wishes.tcp is not None:
            say(f"port {await board.open_tcp(wishes.tcp)}")
        listener = asyncio.create_task(_listen(Commands(board, hands, say, over)))
        await over.wait()
        listener.cancel()


class Commands:
    """What one types; a mistake is a line, never the end."""

    def __init__(
        self, board: VirtualBoard, hands: Hands, say: Callable[[str], None], over: asyncio.Event
    ) -> None:
        self._board = board
        self._hands = hands
        self._say = say
        self._over = over
        # Each with the part of the board that it needs.
        self._known: dict[str, tuple[str, Callable[..., Awaitable[None]]]] = {
            "press": ("keypad", hands.press),
            "tap": ("pn532", hands.tap),
            "paper": ("printer", self._paper),
            "case": ("tamper", self._case),
            "screen": ("panel", self._screen),
            "receipt": ("printer", self._receipt),
            "power": ("", self._power),
            "reset": ("", self._reset),
            "unplug": ("", self._unplug),
            "quit": ("", self._quit),
            "help": ("", self._help),
        }

    async def do(self, line: str) -> None:
        """One line."""
        try:
            words = shlex.split(line, comments=True)
            if words:
                await self._command(words[0])(*words[1:])
        except (ValueError, OSError) as error:
            self._say(f"? {error}")

    def _command(self, name: str) -> Callable[..., Awaitable[None]]:
        """A command by its name, that checks how many words follow.  Raises ValueError."""
        if name not in self._known:
            raise ValueError(f"{name!r} is no command; `help` lists them")
        part, command = self._known[name]
        if part and getattr(self._board.wiring, part) is None:
            raise ValueError(f"the board has no {part}")
        signature = inspect.signature(command)

        async def checked(*words: str) -> None:
            try:
                signature.bind(*words)
            except TypeError:
                raise ValueError(f"too many or too few words for {name!r}; see `help`") from None
            await command(*words)

        return checked

    async def _paper(self, state: str) -> None:
        self._board.wiring.printer.paper = _one_of(state, "ok", "near_end", "out")

    async def _case(self, state: str) -> None:
        switch = self._board.wiring.tamper
        if _one_of(state, "open", "closed") == "open":
            switch.open()
        else:
            switch.close()

    async def _screen(self, picture: str = "") -> None:
        if picture:
            self._board.wiring.panel.image().save(picture)
        elif self._hands.screen:
            self._say(f"{self._hands.screen}: {' / '.join(self._hands.words)}")
        else:
            raise ValueError("no screen was shown yet")

    async def _receipt(self, picture: str = "") -> None:
        if picture:
            self._board.wiring.printer.image().save(picture)
        else:
            self._say(self._board.wiring.printer.text.rstrip())

    async def _power(self, state: str) -> None:
        if _one_of(state, "on", "off") == "on":
            await self._board.power_on()
        else:
            await self._board.cut_power()

    async def _reset(self) -> None:
        self._board.press_reset()

    async def _unplug(self) -> None:
        self._board.unplug()

    async def _quit(self) -> None:
        self._over.set()

    async def _help(self) -> None:
        self._say(HELP)


def _one_of(word: str, *choices: str) -> str:
    if word not in choices:
        raise ValueError(f"{word!r}: {' or '.join(choices)}")
    return word


async def _listen(commands: Commands) -> None:
    """Lines of standard input, until there are no more."""
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    with contextlib.suppress(ValueError, OSError):
        kind = os.fstat(sys.stdin.fileno()).st_mode
        if stat.S_ISREG(kind) or (stat.S_ISCHR(kind) and not sys.stdin.isatty()):
            return  # a file or nothing: nobody types there
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
        while line := await reader.readline():
            await commands.do(line.decode(errors="replace"))


def say(line: str) -> None:
    """A line for a person, or for the program that started the board."""
    print(line, flush=True)
