"""Boards and images for the tests of putting a version onto a board."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from host_tools import cli, device, emv_signing, shop
from host_tools.board import load as load_board
from host_tools.build import Built
from host_tools.emv_signing import SigningKey
from simulator import deployed
from simulator.clock import VirtualClock
from simulator.wiring import Wiring
from tests.conftest import REFERENCE_BOARD
from tests.deploy.images import KEY, slot_content, small
from tests.deploy.world_board import WorldBoard

FILES = {
    "main.py": b"print('a version')\n",
    "assets/same.bin": bytes(range(256)) * 20,
    "assets/words/en.json": b'{"welcome": "Welcome"}',
    "kassa/app/sale.mpy": b"M\x06" + b"old sale" * 90,
    "kassa/gone.mpy": b"M\x06gone",
}
CHANGED = {key: value for key, value in FILES.items() if key != "kassa/gone.mpy"} | {
    "kassa/app/sale.mpy": b"M\x06" + b"new sale" * 120,
    "kassa/app/refund.mpy": b"M\x06" + b"refund" * 20,
    "kassa/tiny.mpy": b"M\x06",
}


@pytest.fixture(scope="session")
def older() -> Built:
    return small("0.1.0+0", FILES | {"main.py": b"print('the first')", "lib/typing.mpy": b"M"})


@pytest.fixture(scope="session")
def old() -> Built:
    return small("0.1.0+1", FILES)


@pytest.fixture(scope="session")
def new() -> Built:
    """Newer, with files that are the same, changed, gone and added; the boot files are old's."""
    return small("0.1.0+2", CHANGED)


@pytest.fixture(scope="session")
def other_boot() -> Built:
    """Newer, with other boot files, too."""
    return small("0.1.0+3", CHANGED, title="Another title", font=b"another" * 200)


@pytest.fixture(scope="session")
def another(tmp_path_factory: pytest.TempPathFactory) -> SigningKey:
    """The key of another shop."""
    path = tmp_path_factory.mktemp("shop") / "another.pem"
    emv_signing.create(path)
    return emv_signing.load(path)


@pytest.fixture
def boards(old: Built, new: Built, other_boot: Built) -> Iterator[Callable[..., WorldBoard]]:
    """Makes boards: bare, or a terminal with versions in its slots (`slot_a=old`)."""
    made: list[WorldBoard] = []

    def make(main: dict[str, str] | None = None, **slots: Built) -> WorldBoard:
        wiring = Wiring(load_board(REFERENCE_BOARD), VirtualClock())
        if slots:
            files = {"/config/signer.json": KEY.signer()}
            for name, built in slots.items():
                files |= {f"/{name}/{p}": c for p, c in slot_content(built).items()}
            deployed.deploy(wiring, next(iter(slots.values())), files)
        made.append(WorldBoard(wiring, (old, new, other_boot), main))
        return made[-1]

    yield make
    for board in made:
        board.power_off()


@dataclass(frozen=True)
class Answer:
    """How a command ended."""

    status: int
    out: str
    err: str

    @property
    def line(self) -> str:
        """The one line that says what is wrong."""
        assert self.status == 1, self
        assert "Traceback" not in self.out + self.err, self
        lines = [line for line in self.err.splitlines() if line.startswith("kassa: ")]
        assert len(lines) == 1 and self.err.splitlines()[-1] == lines[0], self
        return lines[0].removeprefix("kassa: ")


Kassa = Callable[..., Answer]


@pytest.fixture
def kassa(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Kassa:
    """Runs `kassa` with these arguments, in a shop that signs with the images' key."""
    monkeypatch.setattr(shop, "signing_key", lambda: KEY)

    def run(*arguments: str | Path) -> Answer:
        monkeypatch.setattr(sys, "argv", ["kassa", *map(str, arguments)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as end:
            cli.main()
        said = capsys.readouterr()
        return Answer(int(end.value.code or 0), said.out, said.err)

    return run


@pytest.fixture
def deploy(kassa: Kassa, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Kassa:
    """Runs `kassa deploy` of an image onto a board in virtual time, which has the only port.

    change: what happens to the image's folder first.
    """

    def run(
        board: WorldBoard,
        built: Built,
        *options: str,
        change: Callable[[Path], object] = lambda folder: None,
    ) -> Answer:
        built.write(tmp_path / "image")
        change(tmp_path / "image")
        monkeypatch.setattr(device, "Device", lambda port: board)
        return kassa("deploy", "--port", board.port, "--image", tmp_path / "image", *options)

    return run
