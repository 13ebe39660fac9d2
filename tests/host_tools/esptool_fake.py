"""A board as `rom_loader.run` sees it: esptool's commands on a flash in memory.

What has no port goes to the real esptool.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from host_tools import rom_loader

_REAL = rom_loader.run
SECTOR = 4096


class FakeBoard:
    """commands: what was done to it, without what says how to reach it.

    cut: cuts the connection in the command of that number, in its middle, once.
    says: instead of all else, what esptool says when it cannot reach the board.
    """

    def __init__(self, chip: str = "ESP32-S3", size_mib: int = 16) -> None:
        self.chip = chip
        self.flash = bytearray(b"\xff" * (size_mib << 20))
        self.commands: list[list[str]] = []
        self.restarts = 0
        self.cut: int | None = None
        self.says = ""

    def attach(self, monkeypatch: pytest.MonkeyPatch) -> FakeBoard:
        monkeypatch.setattr(rom_loader, "run", self.run)
        return self

    @property
    def changing(self) -> list[str]:
        """The commands that change flash, in words: `erase-region 0x9000 0x7000`."""
        words = []
        for command in self.commands:
            if command[0] == "erase-region":
                words.append(" ".join(command))
            elif command[0] == "write-flash":
                words.append("write-flash " + " ".join(command[2::2]))
        return words

    def run(
        self, arguments: Sequence[str], progress: rom_loader.Progress = lambda part: None
    ) -> tuple[int, str]:
        if "--port" not in arguments:
            return _REAL(arguments, progress)
        options, command = list(arguments[:8]), list(arguments[8:])
        wanted = options[options.index("--chip") + 1]
        if self.says:
            return 2, self.says
        cut = self.cut == len(self.commands)
        self.commands.append(command)
        head = f"Connected to {self.chip} on {options[3]}:\n"
        if wanted not in ("auto", self.chip.lower().replace("-", "")):
            return 2, f"A fatal error occurred: This chip is {self.chip}, not {wanted}."
        code, said = getattr(self, "_" + command[0].replace("-", "_"))(command[1:], cut)
        if cut:
            self.cut = None
            return 2, head + "A serial exception error occurred: device reports readiness to read"
        progress(1.0)
        self.restarts += options[options.index("--after") + 1] == "hard-reset"
        return code, head + said

    # -- commands; `cut` does half of it

    def _read_flash(self, arguments: list[str], cut: bool) -> tuple[int, str]:
        assert arguments[:2] == ["--flash-size", "detect"]
        offset, size = (int(each, 0) for each in arguments[2:4])
        Path(arguments[4]).write_bytes(self.flash[offset : offset + size])
        return 0, f"Auto-detected flash size: {len(self.flash) >> 20}MB\n"

    def _verify_flash(self, arguments: list[str], cut: bool) -> tuple[int, str]:
        offset, content = int(arguments[0], 0), Path(arguments[1]).read_bytes()
        if self.flash[offset : offset + len(content)] == content:
            return 0, "Verification successful (digest matched).\n"
        said = "Verification failed (digest mismatch).\n"
        return 2, said + "A fatal error occurred: Verification failed.\n"

    def _erase_region(self, arguments: list[str], cut: bool) -> tuple[int, str]:
        offset, size = (int(each, 0) for each in arguments)
        assert not offset % SECTOR and not size % SECTOR
        size //= 2 if cut else 1
        self.flash[offset : offset + size] = b"\xff" * size
        return 0, ""

    def _write_flash(self, arguments: list[str], cut: bool) -> tuple[int, str]:
        assert arguments[0] == "--skip-flashed"
        for place, name in zip(arguments[1::2], arguments[2::2], strict=True):
            offset, content = int(place, 0), Path(name).read_bytes()
            assert not offset % SECTOR
            erased = -(-len(content) // SECTOR) * SECTOR
            self.flash[offset : offset + erased] = b"\xff" * erased
            content = content[: len(content) // 2] if cut else content
            self.flash[offset : offset + len(content)] = content
        return 0, "Hash of data verified.\n"
