"""What tests need to run something on the real MicroPython binary; skipped where there is none.

`run_script` runs a script with the firmware's modules on its path and gives what it prints.
`Terminal` is a board with `main.py` on its flash.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Self

import pytest

from host_tools.board import load as load_board
from host_tools.image import board_module
from simulator import micropython
from simulator.clock import RealClock
from simulator.filesystem import Littlefs, install
from simulator.micropython import End, MicroPythonProcess
from simulator.wiring import Wiring

BOARD = "esp32s3_devkitc"


def need_micropython() -> None:
    """Skip the test, with one plain line, where the binary is missing."""
    if micropython.binary() is None:
        pytest.skip("no MicroPython binary for this platform")


def run_script(
    source: str, *, mpy: bool = True, heap: int = micropython.HEAP, timeout_s: float = 30
) -> str:
    """What the script prints; see `simulator.micropython.run_script`."""
    need_micropython()
    return micropython.run_script(source, mpy=mpy, heap=heap, timeout_s=timeout_s)


class Terminal:
    """A board whose firmware is one script, powered for as long as the `async with` lasts.

    prepare(wiring) may hang other chips on the wires before the power comes.
    """

    def __init__(
        self,
        main: str,
        files: Mapping[str, str] | None = None,
        prepare: Callable[[Wiring], None] | None = None,
        **settings: Any,
    ) -> None:
        self.files = {"/main.py": main, **(files or {})}
        self._prepare = prepare
        self._settings = settings

    async def __aenter__(self) -> Self:
        need_micropython()
        board = load_board(BOARD)
        self.wiring = Wiring(board, RealClock(), seed=1)
        self.flash = self.wiring.flash
        content = {path: text.encode() for path, text in self.files.items()}
        content["/board.py"] = board_module(board)
        self.vfs = self.wiring.partition("kassa")
        install(self.flash, self.vfs["offset"], self.vfs["size"], content)
        if self._prepare is not None:
            self._prepare(self.wiring)
        self.process = MicroPythonProcess(self.wiring.mcu, **self._settings)
        await self.process.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.process.stop()

    @property
    def lines(self) -> list[str]:
        """What was printed so far, over all starts."""
        return self.process.lines

    async def power_on(self) -> None:
        """Power comes back, or the reset is over."""
        self.flash.power_on()
        await self.process.start()

    async def end(self) -> End:
        return await self.process.wait()

    def filesystem(self) -> Littlefs:
        """The root as seen from outside; only while the process does not run."""
        return Littlefs(self.flash, self.vfs["offset"], self.vfs["size"])
