"""The board of the tests, real or virtual, reached by real mpremote, and the person beside it.

The code of a test runs on the board, with the drivers of this checkout mounted from the computer:
what is deployed on the board is neither needed nor changed, and the journal is never opened.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, Protocol

from host_tools import mip, mpy
from host_tools.image import board_module
from simulator.board_thread import BoardThread

HERE = Path(__file__).parent
WITHIN_S = 120
# The terminal's own watchdog survives a soft reset; this one restarts the board a minute after
# the last test, so that the terminal goes on.
_BEGIN = "import machine\nfeed = machine.WDT(timeout=60_000).feed\n"


class Running:
    """A program on the board that is not at its end yet."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process

    def line(self) -> str:
        """The next line that it prints; fails when it has ended instead."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline().decode(errors="replace")
        assert line, f"the program on the board has ended: {self._errors()}"
        return line.strip()

    def until(self, line: str) -> None:
        """Read up to that line."""
        while self.line() != line:
            pass

    def end(self) -> list[str]:
        """Wait for the end; the lines that were not read yet."""
        out, errors = self._process.communicate(timeout=WITHIN_S)
        told = out.decode(errors="replace").replace("\r\n", "\n")
        assert self._process.returncode == 0, told + errors.decode(errors="replace")
        return told.splitlines()

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdout, self._process.stderr):
            if stream is not None:
                stream.close()

    def _errors(self) -> str:
        assert self._process.stderr is not None
        return self._process.stderr.read().decode(errors="replace")


class Bench:
    """The board on `port`, described by `board`.  folder: what it sees of the computer."""

    def __init__(self, port: str, board: dict[str, Any], folder: Path) -> None:
        self.port = port
        self.board = board
        self._folder = folder
        sources = {name: (mpy.FIRMWARE / name).read_bytes() for name in mip.modules()}
        sources["on_device.py"] = (HERE / "on_device.py").read_bytes()
        for name, compiled in mpy.compile_all(sources).items():
            place = folder / f"{name.removeprefix('lib/')[:-3]}.mpy"
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(compiled)
        (folder / "board.py").write_bytes(board_module(board))

    def mpremote(self, *arguments: str) -> str:
        """What mpremote prints; the test fails when it does not succeed."""
        command = [sys.executable, "-m", "mpremote", "connect", self.port, *arguments]
        done = subprocess.run(command, capture_output=True, timeout=WITHIN_S, check=False)
        told = done.stdout.decode(errors="replace").replace("\r\n", "\n")
        assert done.returncode == 0, told + done.stderr.decode(errors="replace")
        return told

    @contextmanager
    def running(self, code: str) -> Iterator[Running]:
        """Run code on the board while the test goes on."""
        (self._folder / "test.py").write_text(_BEGIN + code)
        command = [sys.executable, "-m", "mpremote", "connect", self.port]
        command += ["mount", str(self._folder), "run", str(self._folder / "test.py")]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        running = Running(process)
        try:
            yield running
        finally:
            running.kill()

    def run(self, code: str) -> Any:
        """Run code on the board; its last line, which must be a literal of Python."""
        with self.running(code) as running:
            return ast.literal_eval(running.end()[-1])


class Person(Protocol):
    """Who does and sees what no program can."""

    def does(self, what: str, virtually: Callable[[BoardThread], None]) -> None:
        """Ask for something to be done; it may be done a little later."""
        ...

    def sees(self, question: str, virtually: Callable[[BoardThread], bool]) -> bool:
        """Ask what can be seen or heard now."""
        ...


class Simulated:
    """Hands and eyes at a virtual board."""

    def __init__(self, board: BoardThread) -> None:
        self._board = board

    def does(self, what: str, virtually: Callable[[BoardThread], None]) -> None:
        virtually(self._board)

    def sees(self, question: str, virtually: Callable[[BoardThread], bool]) -> bool:
        return virtually(self._board)


class Attending:
    """Somebody in front of a real board, who reads and answers on the terminal."""

    def __init__(self, uncaptured: Callable[[], AbstractContextManager[None]]) -> None:
        self._uncaptured = uncaptured

    def does(self, what: str, virtually: Callable[[BoardThread], None]) -> None:
        with self._uncaptured():
            print(f"\n>>> {what}", flush=True)

    def sees(self, question: str, virtually: Callable[[BoardThread], bool]) -> bool:
        with self._uncaptured():
            return input(f"\n>>> {question} [y/n] ").strip().lower().startswith("y")
