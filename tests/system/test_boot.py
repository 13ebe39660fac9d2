"""boot.py: one verified version is started, or the service screen says why none is."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from host_tools import build as building
from host_tools.board import load as load_board
from simulator import emv_configuration
from simulator.chips.mcu import SOFT_RESET
from simulator.chips.nor_flash import BLOCK
from simulator.deployed import deploy, slot
from simulator.standins.modules import FIRMWARE
from simulator.standins.world import World
from simulator.wiring import Wiring
from tests.conftest import REFERENCE_BOARD, new_world

Files = dict[str, bytes]
LANGUAGES = ("en", "zh")


def build(version: str, board: str = REFERENCE_BOARD) -> building.Built:
    return building.build(load_board(board), version, key=emv_configuration.signing_key())


@pytest.fixture(scope="module")
def old() -> building.Built:
    return build("0.1.0+1")


@pytest.fixture(scope="module")
def new() -> building.Built:
    return build("0.1.0+2")


@pytest.fixture
def files(old: building.Built, new: building.Built) -> Files:
    signer = emv_configuration.signing_key().signer()
    return slot(old, "slot_a") | slot(new, "slot_b") | {"/config/signer.json": signer}


@pytest.fixture
def booted(wiring: Wiring, old: building.Built) -> Iterator[Callable[..., World]]:
    """boot.py has run on a board with these files; each call is another start of the same one."""
    worlds: list[World] = []

    def boot(files: Files | None = None, **settings: Any) -> World:
        if worlds:
            worlds[-1].close()
        if files is not None:
            deploy(wiring, old, files)
        wiring.flash.power_on()
        worlds.append(new_world(wiring=wiring, root=wiring.filesystem("vfs"), **settings))
        world = worlds[-1]
        world.start("boot")
        assert world.error is None, world.lines
        return world

    yield boot
    for world in worlds:
        world.close()


def reason(world: World) -> str:
    return world.load("boot").reason


def test_the_verified_slot_becomes_the_current_directory(
    booted: Callable[..., World], files: Files
) -> None:
    world = booted(files)
    assert world.cwd == "/slot_a"
    assert world.load("sys").path == ["", ".frozen", "/slot_a/lib", "/lib"]
    assert set(world.mounts) == {"/", "/boot"}
    assert "boot.py" in world.load("os").listdir("/boot")
    assert not [name for name in world.load("sys").modules if name.startswith("kassa")]


CHANGES: list[tuple[Callable[[Files], Any], str]] = [
    (lambda f: f.update({"/slot_a/main.py": b"print(1)"}), "slot_a: main.py: changed"),
    (lambda f: f.pop("/slot_a/kassa/app/sale.mpy"), "slot_a: kassa/app/sale.mpy: missing"),
    (lambda f: f.update({"/slot_a/kassa/new.py": b""}), "slot_a: kassa/new.py: extra"),
    (lambda f: f.update({"/slot_a/manifest.sig": bytes(384)}), "manifest.sig: the signature"),
    (
        lambda f: f.update({"/slot_a/manifest.json": f["/slot_a/manifest.json"] + b" "}),
        "manifest.sig: the signature does not belong to this content",
    ),
    (lambda f: f.pop("/slot_a/manifest.sig"), "manifest.sig is missing"),
    (
        lambda f: f.update(slot(build("0.1.0+1", "esp32_wrover"), "slot_a")),
        "for chip esp32, this is esp32s3",
    ),
]


@pytest.mark.parametrize(("change", "why"), CHANGES)
def test_a_slot_that_is_not_right_is_passed_over(
    booted: Callable[..., World], files: Files, change: Callable[[Files], Any], why: str
) -> None:
    change(files)
    world = booted(files)
    assert world.cwd == "/slot_b"
    assert any(line.startswith("boot: slot_a ") for line in world.lines), world.lines
    for path in [path for path in files if path.startswith("/slot_b")]:
        del files[path]
    world = booted(files)
    assert world.cwd == "/boot"
    assert why in reason(world)


def test_no_signer_no_version(booted: Callable[..., World], files: Files) -> None:
    del files["/config/signer.json"]
    world = booted(files)
    assert world.cwd == "/boot"
    assert reason(world) == "/config/signer.json is missing; provision the terminal"


def test_an_offered_version_is_tried_three_times(
    booted: Callable[..., World], files: Files
) -> None:
    state = {"use": "slot_a", "try": "slot_b", "host": False, "tries": 0}
    told = [booted(files | {"/state/slots": json.dumps(state).encode()}).cwd]
    told += [booted().cwd for _ in range(4)]
    assert told == ["/slot_b"] * 3 + ["/slot_a"] * 2


def test_mpremote_uses_up_no_tries(
    booted: Callable[..., World], files: Files, wiring: Wiring
) -> None:
    state = {"use": "slot_a", "try": "slot_b", "host": False, "tries": 2}
    booted(files | {"/state/slots": json.dumps(state).encode()})
    for _ in range(5):
        wiring.mcu.reset(SOFT_RESET)
        assert booted().cwd == "/slot_b"


def test_a_blank_file_system_is_made_and_says_what_is_missing(
    booted: Callable[..., World], wiring: Wiring
) -> None:
    world = booted({})
    place = wiring.partition("kassa")
    wiring.flash.load_blocks({}, place["offset"], place["size"])
    world = booted()
    assert world.cwd == "/boot"
    assert "signer.json is missing" in reason(world)
    assert world.load("os").listdir("/") == []


def test_a_damaged_file_system_leads_to_the_service_screen_and_touches_no_payment(
    booted: Callable[..., World], files: Files, wiring: Wiring
) -> None:
    booted(files)
    place, journal = wiring.partition("kassa"), wiring.partition("journal")
    wiring.flash.load(b"\x55" * BLOCK * 2, place["offset"])
    wiring.flash.load(b"money" * 50, journal["offset"])
    before = wiring.flash.image()
    world = booted()
    assert reason(world) == "file system damaged"
    assert world.cwd == "/"
    world.finished = False  # boot.py has come to its end; MicroPython goes on
    world.load("service").main(reason(world))
    assert world.error is None
    assert wiring.flash.image() == before
    assert '"why": "file system damaged"' in world.lines[-1]
    assert wiring.panel.image().getbbox() is not None


def test_the_service_screen_has_the_catalogues_words_and_the_reason() -> None:
    words = [
        json.loads((FIRMWARE / f"assets/words/{name}.json").read_text()) for name in LANGUAGES
    ]
    service = (FIRMWARE / "service.py").read_text()
    for key in ("out_of_order.title", "out_of_order.text"):
        assert all(f'"{language[key]}"' in service for language in words)


def test_the_self_test_sees_a_file_that_changed_since_the_start(
    booted: Callable[..., World], files: Files
) -> None:
    world = booted(files)
    look = world.load("kassa.app.checks").slot
    board = world.mcu.board
    found = look(board["name"], board["chip"])
    assert (found.verdict, found.detail) == ("ok", "slot_a holds 0.1.0+1")
    with world.open("/slot_b/manifest.sig", "wb") as file:
        file.write(b"of somebody else")
    found = look(board["name"], board["chip"])
    assert found.verdict == "warn" and found.detail.startswith("slot_b: /slot_b/manifest.sig")
    with world.open("/slot_a/assets/words/en.json", "ab") as file:
        file.write(b" ")
    found = look(board["name"], board["chip"])
    assert (found.verdict, found.detail) == ("fail", "slot_a: assets/words/en.json: changed")
