"""A board in virtual time in place of one on a port: what a tool sends it runs in a `World`.

Flash and file systems are the modelled chip's, so the power can fail in any operation of what the
tool does.  boot.py is the one in flash; its modules come from the repository, after their bytecode
in flash was compared with the image that they belong to, because bytecode does not run here.
"""

from __future__ import annotations

import contextlib
import functools
import json
from collections.abc import Iterator
from types import CodeType
from typing import Any

from host_tools import device as device_module
from host_tools.build import Built
from host_tools.device import Device
from host_tools.image import SERVICE_FONT
from host_tools.port import DeviceCodeError, DeviceError
from simulator.chips.mcu import HARD_RESET
from simulator.chips.nor_flash import PowerCut
from simulator.filesystem import Littlefs
from simulator.standins.modules import compile_source
from simulator.standins.world import Ended, World
from simulator.wiring import Wiring
from tests.conftest import new_world
from tests.deploy.images import part

PORT = "/dev/ttyWORLD"
STOCK_BOOT = b"# This file is run at every start, before main.py.\n"

_COME_UP = """\
import json
from kassa.system.slots import STATE, Slots
from kassa.system.state_file import StateFile
with open("manifest.json") as file:
    version = json.load(file)["version"]
slots = Slots(StateFile(STATE))
slots.came_up()
print(json.dumps({"at": "main", "is": "came up", "slot": slots.running, "version": version,
    "provisioned": True}))
"""
CRASH = """\
print("Traceback (most recent call last):")
print('  File "main.py", line 7, in <module>')
print("ImportError: no module named 'kassa.app.terminal'")
print("MicroPython v1.28.0 on 2026-04-06; Generic ESP32S3 module with ESP32S3")
print('Type "help()" for more information.')
"""


class WorldBoard(Device):
    """The board whose chips are `wiring`.  known: the images whose boot files may lie in flash.

    main: what the main.py of a version does in place of being a terminal, by version; else it
    comes up.
    """

    def __init__(
        self, wiring: Wiring, known: tuple[Built, ...], main: dict[str, str] | None = None
    ) -> None:
        self.port = PORT
        self.wiring = wiring
        self.flash = wiring.flash
        self.world: World | None = None
        self.starts = 0
        self.sent: list[str] = []
        self._known = known
        self._main = main or {}
        self._reset_at_end = True
        self._stopped = False
        self._doing = ""
        self._heard = 0
        self._right: set[frozenset[tuple[int, bytes]]] = set()

    # -- what it is for a tool

    def close(self) -> None:
        """The cable goes; the board stays as it is."""

    def run(
        self, code: str, doing: str = "running a program", within_s: float | None = None
    ) -> str:
        self.sent.append(code)
        world = self._powered(doing)
        before = len(world.lines)
        try:
            exec(_compiled(code), self._names)
        except Ended:
            if not self.flash.powered:
                raise self._silent(doing) from None
            raise DeviceError(f"{self.port}: the board was reset while {doing}") from None
        except Exception as error:  # noqa: BLE001 - the board prints whatever it is
            raise DeviceCodeError(self.port, _traceback(error)) from None
        world.write("\n")  # what was begun comes along
        return "\n".join(world.lines[before:])

    def reset(self) -> None:
        """Restart it; the power may fail while it starts, which only `listen` notices."""
        self._powered("resetting the board")
        self._stopped = False
        assert self.world is not None
        self.world.close()
        self.wiring.mcu.reset(HARD_RESET)
        with contextlib.suppress(PowerCut):
            self.power_on()

    def listen(self, piece_s: float) -> Iterator[bytes]:
        while True:
            lines = self._powered("listening").lines[self._heard :]
            self._heard += len(lines)
            yield "".join(f"{line}\r\n" for line in lines).encode()

    # -- what a bench does with it

    def power_on(self) -> None:
        """Start as the chip does: file system, boot.py, main.py."""
        self.flash.power_on()
        self.starts += 1
        self._heard = 0
        vfs = self.wiring.filesystem("vfs")
        if "boot.py" not in vfs.listdir("/"):
            vfs.write_file("/boot.py", STOCK_BOOT)
        self.world = world = new_world(wiring=self.wiring, root=vfs)
        boot = vfs.read_file("/boot.py")
        if boot == STOCK_BOOT:
            return
        self._assert_whole(vfs, boot)
        try:
            found = world.execute(boot.decode(), "boot", "boot.py")
            if world.cwd.startswith("/slot_"):
                world.execute(self._main_of(world), "main", "main.py")
                return
        except Ended:
            if not self.flash.powered:
                raise PowerCut("in boot.py or main.py") from None
            raise AssertionError("boot.py or main.py has reset the chip") from None
        event = {"at": "boot", "is": "service", "why": found.reason}
        world.write(json.dumps(event) + "\n")

    def power_off(self) -> None:
        """Pull the plug."""
        if self.world is not None:
            self.world.close()
        self.world = None
        self.wiring.power_off()

    @property
    def cwd(self) -> str:
        """Where boot.py has led; a slot's folder when a version runs."""
        assert self.world is not None
        return self.world.cwd

    @property
    def said(self) -> list[str]:
        assert self.world is not None
        return self.world.lines

    # -- inside

    def _stop_program(self) -> None:
        if self.world is None:
            self.power_on()
        world = self._powered("connecting")
        self._names: dict[str, Any] = {
            "__name__": "__main__",
            "__builtins__": world.device_builtins,
        }
        self._stopped = True
        self.run(device_module._BEGIN, "stopping the program")

    def _powered(self, doing: str) -> World:
        if self.world is None or not self.flash.powered:
            raise self._silent(doing)
        return self.world

    def _silent(self, doing: str) -> DeviceError:
        self._stopped = False
        return DeviceError(f"{self.port}: the board stopped answering while {doing}")

    def _assert_whole(self, vfs: Littlefs, boot: bytes) -> None:
        """boot.py and all that it names are those of one image."""
        place = self.wiring.partition("vfs")
        blocks = frozenset(self.flash.blocks(place["offset"], place["size"]).items())
        if blocks in self._right:
            return
        for built in self._known:
            files = part(built, "boot")
            if files["boot.py"] == boot:
                break
        else:
            raise AssertionError("boot.py is of no image")
        fonts = [part(built, "boot")[SERVICE_FONT] for built in self._known]
        for path, content in files.items():
            found = vfs.read_file(f"/{path}")
            # The font may be the one before for a while.
            right = found in fonts if path == SERVICE_FONT else found == content
            assert right, f"/{path} is not that of boot.py's image"
        self._right.add(blocks)

    def _main_of(self, world: World) -> str:
        root = world.root
        manifest = json.loads(root.read_file(f"{world.cwd}/manifest.json"))
        return self._main.get(manifest["version"], _COME_UP)


@functools.cache
def _compiled(code: str) -> CodeType:
    """A tool sends the same again and again."""
    return compile_source(code, "<stdin>")


def _traceback(error: Exception) -> str:
    return f"Traceback (most recent call last):\n{type(error).__name__}: {error}\n"
