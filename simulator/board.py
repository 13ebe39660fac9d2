"""A virtual board: an ESP32 with stock MicroPython on which real mpremote works.

    async with VirtualBoard(state=Path("board")) as board:
        print("mpremote connect", board.open_pty())
        await board.until_reset()

The chips are those of the board file, the interpreter is the real one (`standins.on_micropython`
has what makes it a board), time is the wall's.  The flash begins empty, unless `state` holds one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Self

from host_tools.board import load as load_board
from simulator.board_console import Console
from simulator.board_ports import PtyPort, TcpPort
from simulator.board_process import ReplProcess
from simulator.board_state import BoardState
from simulator.chips.mcu import HARD_RESET, PWRON_RESET, SOFT_RESET
from simulator.chips.nor_flash import PowerCut
from simulator.chips.rom_loader import SYNC, RomLoader, is_flashed
from simulator.clock import RealClock
from simulator.micropython import HEAP, End
from simulator.wiring import Wiring

_SAVE_EVERY_S = 0.5
_SLICE_S = 0.005
_PANIC_S = 0.5
_SOFT_REBOOT = b"MPY: soft reboot\r\n"
_DOWNLOAD = b"rst:0x1 (POWERON),boot:0x0 (DOWNLOAD)\r\nwaiting for download\r\n"
_NO_PROGRAM = b"rst:0x1 (POWERON),boot:0x8 (SPI_FAST_FLASH_BOOT)\r\ninvalid header\r\n"


class VirtualBoard:
    """`board`: a board's name or file.  `state`: a folder for the flash.  `heap`: of MicroPython,
    in bytes; on the chip the same objects take about half.  `seed`: for what is random in it.

    wiring: the chips, to press keys, present cards, cut the power in the next flash operation.
    starts: why each start since the power came was one, as in `machine.reset_cause()`.
    violations: what the firmware did that a data sheet forbids; the chip is reset then.
    on_event: hears in words what happens to the board.
    bare: MicroPython only runs once the flash holds it, as `kassa flash` puts it there; else it is
        taken to be there, with an empty file system.

    Its ports carry no RTS and DTR, with which esptool presses RESET and BOOT: the board presses
    them itself when esptool's first packet comes, and RESET when esptool leaves without a word.
    """

    def __init__(
        self,
        board: str | Path = "esp32s3_devkitc",
        *,
        state: Path | None = None,
        heap: int = HEAP,
        seed: int = 0,
        bare: bool = False,
        on_event: Callable[[str], None] = lambda what: None,
    ) -> None:
        self.board = load_board(board)
        self.starts: list[int] = []
        self.violations: list[BaseException] = []
        self.powered = False
        self._folder = state
        self._heap = heap
        self._seed = seed
        self._bare = bare
        self._boot_held = False
        self._loader: RomLoader | None = None
        self._out_of_rom = asyncio.Event()
        self._on_event = on_event
        self._ports: list[PtyPort | TcpPort] = []
        self._process: ReplProcess | None = None
        self._life: asyncio.Task[None] | None = None
        self._state: BoardState | None = None
        self._saving: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self.clock = RealClock()
        self.wiring = Wiring(self.board, self.clock, self._seed)
        self.flash = self.wiring.flash
        if self._folder is not None:
            self._state = BoardState(self._folder, self.flash)
            self._saving = asyncio.create_task(self._save_now_and_then(self._state))
        self.console = Console(self._interrupt)
        try:
            await self.power_on()
        except BaseException:
            await self._close()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._close()

    async def _close(self) -> None:
        await self.cut_power()
        self.unplug()
        self.console.close()
        if self._saving is not None:
            self._saving.cancel()
        if self._state is not None:
            self._state.close()

    # -- the cable

    def open_pty(self) -> str:
        """Connect a pseudo-terminal; its name."""
        port = PtyPort(self._received, self._disconnected)
        self._plug(port)
        return port.name

    async def open_tcp(self, port: int = 0, host: str = "127.0.0.1") -> str:
        """Connect a TCP port; its `socket://` address.  Raises OSError when it is taken."""
        server = TcpPort(self._received, self._disconnected)
        await server.open(host, port)
        self._plug(server)
        return server.name

    def unplug(self) -> None:
        """Pull every cable.  The board has its own power and goes on."""
        for port in self._ports:
            port.close()
        self._ports.clear()
        self.console.ports.clear()

    def _plug(self, port: PtyPort | TcpPort) -> None:
        self._ports.append(port)
        self.console.ports.append(port)

    # -- power and reset

    async def power_on(self) -> None:
        """The power comes; returns once MicroPython begins to start."""
        if self.powered:
            return
        if self._life is not None:
            await self._life
        self.powered = True
        self.starts.clear()
        self.flash.power_on()
        self.console.forget_input()
        self._boot_held = False
        if self._has_program():
            await self._start(raw=False)
        self._life = asyncio.create_task(self._live())

    async def cut_power(self) -> None:
        """The power goes: nothing runs after this, and only the flash remembers."""
        self.powered = False
        self._out_of_rom.set()
        if self._process is not None:
            self._process.kill()
        if self._life is not None:
            await self._life
            self._life = None

    def press_reset(self, boot: bool = False) -> None:
        """The board's EN button.  boot: with BOOT held, which leads to the loader in the ROM."""
        self._boot_held = boot
        self.wiring.mcu.reset(PWRON_RESET)
        self._out_of_rom.set()

    async def until(self, happened: Callable[[], bool], within_s: float) -> bool:
        """Let time pass until `happened()`; False when it did not."""
        deadline_s = asyncio.get_running_loop().time() + within_s
        while not happened():
            if asyncio.get_running_loop().time() > deadline_s:
                return False
            await asyncio.sleep(_SLICE_S)
        return True

    # -- inside

    async def _start(self, raw: bool) -> None:
        process = ReplProcess(self.wiring.mcu, self.console, raw, self._heap)
        await process.start()
        self.starts.append(self.wiring.mcu.operations["reset_cause"]())
        self._process = process
        if not self.powered:  # it went while the process was made
            process.kill()

    async def _live(self) -> None:
        """One start after the other, until the power goes."""
        raw = False
        while True:
            if self._process is not None:
                raw = await self._run(self._process)
                self._process = None
            await self._stay_in_rom()
            if not self.powered:
                self.wiring.power_off()
                return
            await self._start(raw)

    async def _run(self, process: ReplProcess) -> bool:
        """From a start to its end; whether the next one begins in the raw REPL."""
        end = await process.wait()
        if end.kind == "reset" and end.cause == SOFT_RESET:
            self.console.write(_SOFT_REBOOT)
        elif isinstance(end.error, PowerCut):
            self._power_failed(end.error)
        elif self.powered:
            await self._hard(end)
        return process.raw and end.cause == SOFT_RESET

    def _has_program(self) -> bool:
        """Whether the ROM finds a boot loader, and that one MicroPython by the board's table."""
        return not self._bare or is_flashed(self.board, self.flash)

    async def _stay_in_rom(self) -> None:
        """Until the program may start: not with BOOT held, and not while there is none."""
        while self.powered and (self._boot_held or not self._has_program()):
            self._out_of_rom.clear()
            if self._boot_held:
                self._loader = RomLoader(self.board["chip"], self.flash)
            self.console.write(_DOWNLOAD if self._boot_held else _NO_PROGRAM)
            await self._out_of_rom.wait()
            self._loader = None
            self.console.forget_input()

    def _power_failed(self, why: PowerCut) -> None:
        self._on_event(str(why))
        self.powered = False
        self._out_of_rom.set()

    async def _hard(self, end: End) -> None:
        """The chip starts from nothing; after a fault, as its panic handler does."""
        if end.kind != "reset":
            if end.error is not None:
                self.violations.append(end.error)
            self._on_event(f"the chip panics: {end.error or end.kind + ' ' + end.text}")
            await asyncio.sleep(_PANIC_S)
            self.wiring.mcu.reset(HARD_RESET)
        else:
            self._on_event(f"reset, cause {end.cause}")
        self.console.forget_input()

    def _received(self, data: bytes) -> None:
        if not self.powered:
            return
        if self._loader is None:
            if SYNC in data:
                self.press_reset(boot=True)
            else:
                self.console.received(data)
            return
        try:
            answer = self._loader.received(data)
        except PowerCut as why:
            self._power_failed(why)
            return
        for port in self._ports:
            port.send(answer)

    def _disconnected(self) -> None:
        if self._loader is not None and self._loader.stub:
            self.press_reset()

    def _interrupt(self) -> None:
        if self._process is not None:
            self._process.interrupt()

    async def _save_now_and_then(self, state: BoardState) -> None:
        while True:
            await asyncio.sleep(_SAVE_EVERY_S)
            state.save()
