"""A terminal in a slot, in virtual time, with a server that has something newer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from host_tools.build import Built
from host_tools.image_check import FILES, MANIFEST, SIGNATURE
from simulator.acquirer.pki import SERVER_NAME, Pki
from simulator.clock import VirtualClock
from simulator.deployed import deploy, slot
from simulator.filesystem import Littlefs
from simulator.network import Network
from simulator.standins.world import World
from simulator.update_server import Files, listen
from simulator.wiring import Wiring
from tests.conftest import new_world
from tests.deploy.images import KEY, small

HOST, PORT = "10.0.0.9", 8443
WITHIN_S = 600

OLD = {"main.py": b"old", "kassa/a.py": b"same" * 700, "kassa/b.py": b"b" * 300}
NEW = {"main.py": b"new!", "kassa/a.py": b"same" * 700, "kassa/c.py": bytes(range(256)) * 12}


def served(built: Built) -> dict[str, bytes]:
    """What a server has of an image."""
    names = [MANIFEST, SIGNATURE, *(p for p in built.files if p.startswith(f"{FILES}/"))]
    return {name: built.files[name] for name in names}


class Till:
    """Runs `old` from slot_a; the server has `new`."""

    def __init__(self, pki: Pki, old: Built, new: Built) -> None:
        self.old, self.new = old, new
        self.wiring = Wiring(_board(), VirtualClock())
        self.server = Files(served(new))
        self.network = Network(self.wiring.clock, seed=1)
        listen(self.network, self.server, pki, HOST, PORT)
        tls = pki.terminal("KASSA001").as_files()
        deploy(
            self.wiring,
            old,
            slot(old, "slot_a") | tls | {"/config/signer.json": KEY.signer()},
        )
        self.idle = True
        self.world: World | None = None

    def start(self) -> str:
        """The chip starts; the folder that boot.py makes the current one."""
        self.stop()
        self.wiring.flash.power_on()
        self.world = new_world(
            wiring=self.wiring, root=self.wiring.filesystem("vfs"), network=self.network
        )
        self.world.start("boot")
        self.world.finished = False
        self.world.load("machine").WDT(timeout=10**8)  # nobody feeds the one of boot.py here
        return self.world.cwd

    def stop(self) -> None:
        if self.world is not None:
            self.world.close()
            self.world = None
            self.wiring.power_off()

    def updater(self) -> Any:
        """The firmware's updater, as main.py makes it."""
        assert self.world is not None
        load = self.world.load
        load("machine").RTC().datetime((2026, 11, 27, 0, 10, 0, 0, 0))
        state = load("kassa.system.state_file").StateFile
        slots = load("kassa.system.slots")
        self.lines: list[str] = []
        return load("kassa.app.update").Updater(
            load("kassa.host.download").Source(f"https://{HOST}:{PORT}/", SERVER_NAME),
            slots.Slots(state(slots.STATE)),
            state("/state/update"),
            load("board").BOARD,
            self.running(),
            lambda: self.idle,
            load("kassa.system.log").Log(self.lines.append),
        )

    def update(self) -> bool:
        """One look at the server, to its end."""
        updater = self.updater()
        assert self.world is not None
        return self.world.run(updater.once(), WITHIN_S)

    def running(self) -> str:
        """The version in the current directory."""
        assert self.world is not None
        built = self.new if self.world.cwd == "/slot_b" else self.old
        return built.manifest["version"]

    def in_slot(self, name: str) -> dict[str, bytes]:
        place = self.wiring.partition("kassa")
        fs = Littlefs(self.wiring.flash, place["offset"], place["size"], "never")
        if name not in fs.listdir("/"):
            return {}
        return {p.removeprefix(f"/{name}/"): fs.read_file(p) for p in fs.walk(f"/{name}")}


def version(number: int, files: Mapping[str, bytes], **settings: Any) -> Built:
    return small(f"0.1.0+{number}", files, **settings)


def whole(built: Built) -> dict[str, bytes]:
    """All that a slot with the image holds."""
    return {p.removeprefix(f"{FILES}/"): c for p, c in served(built).items()}


def _board() -> dict[str, Any]:
    from host_tools.board import load as load_board
    from tests.conftest import REFERENCE_BOARD

    return load_board(REFERENCE_BOARD)
