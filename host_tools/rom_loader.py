"""The board's ROM loader, through `esptool` as a technician would use it.

Each step is a run of esptool of its own, so that everything here can be done by hand, and a run
that was cut off can be repeated.  esptool's output is listened to, not shown: its percentages move
our progress bar, its errors become one line each.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from host_tools import partitions
from host_tools.partitions import FlashError, Region
from host_tools.port import DeviceError, why_closed

BAUD = 460_800
_PERCENT = re.compile(r"\b(\d{1,3}(?:\.\d+)?)%")
_FLASH_SIZE = re.compile(r"flash size: (\d+)([KM])B")
_CHIP = re.compile(r"^Connected to (\S+)", re.MULTILINE)
_FATAL = re.compile(r"(?:fatal error occurred|exception error occurred): (.+)")
_NO_ANSWER = ("failed to connect", "no serial data received", "wrong boot mode", "no sync reply")
# The port itself went away, then esptool cannot open it again either.
_GONE = ("exception error occurred", "lost connection", "input/output error", "not configured")
_BROKEN = (
    *("stopped responding", "stream stopped", "timed out", "timeout", "invalid head of packet"),
    *("packet content transfer stopped", "md5 of file does not match"),
)

Progress = Callable[[float], None]


class CutOff(FlashError):
    """The work stopped in the middle; doing the same again goes on with it."""


@dataclass(frozen=True)
class Found:
    """What is on the port.  chip: as board files call it; table: its 4096 bytes of flash."""

    chip: str
    flash_bytes: int
    table: bytes


def run(arguments: Sequence[str], progress: Progress = lambda part: None) -> tuple[int, str]:
    """Run esptool; its exit status and what it said, without the progress, which goes from 0 to 1.

    The command line, not the library: it is esptool's stable face, it is what can be done by hand,
    and its licence (GPL) ends there.
    """
    environment = {key: value for key, value in os.environ.items() if key != "FORCE_COLOR"}
    environment |= {"PYTHONUNBUFFERED": "1", "PYTHONIOENCODING": "utf-8", "NO_COLOR": "1"}
    said = []
    with subprocess.Popen(
        [sys.executable, "-m", "esptool", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
        env=environment,
    ) as process:
        try:
            assert process.stdout is not None
            for line in process.stdout:
                percent = _PERCENT.search(line)
                if percent is None:
                    said.append(line)
                else:
                    progress(float(percent[1]) / 100)
        except BaseException:
            process.terminate()
            raise
    return process.returncode, "".join(said)


class RomLoader:
    """The board on `port`.  Each method is one run of esptool; raises FlashError.

    chip: what the board must have, once it is known.
    """

    def __init__(self, port: str, baud: int = BAUD) -> None:
        self.port = port
        self.chip = "auto"
        self._baud = baud
        self._folder = tempfile.TemporaryDirectory(prefix="kassa-flash-")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._folder.cleanup()

    def look(self, progress: Progress) -> Found:
        """What chip is there, how much flash, and the sector of its partition table."""
        kept = self._path("table")
        command = ["read-flash", "--flash-size", "detect"]
        command += [hex(partitions.OFFSET), hex(partitions.SIZE), str(kept)]
        said = self._do("asking the board", command, progress)
        chip, size = _CHIP.search(said), _FLASH_SIZE.search(said)
        if chip is None or size is None:
            raise FlashError(
                f"{self.port}: the board's flash does not tell its size; see what `esptool "
                f"--port {self.port} flash-id` says"
            )
        flash_bytes = int(size[1]) * (1024 if size[2] == "K" else 1024 * 1024)
        return Found(chip[1].lower().replace("-", ""), flash_bytes, kept.read_bytes())

    def is_blank(self, region: Region, progress: Progress) -> bool:
        """Whether the region is erased; the board only tells its MD5."""
        erased = self._file("erased", b"\xff" * region.size)
        command = ["verify-flash", hex(region.offset), str(erased)]
        code, said = self._run(command, progress)
        if code and "digest mismatch" not in said:
            raise self._failed(f"looking at {region.name}", said)
        return code == 0

    def erase(self, region: Region, progress: Progress) -> None:
        command = ["erase-region", hex(region.offset), hex(region.size)]
        self._do(f"erasing {region.name}", command, progress)

    def write(
        self, doing: str, parts: dict[int, bytes], progress: Progress, restart: bool
    ) -> None:
        """Write and verify; what is there already is skipped.  restart: the board afterwards."""
        command = ["write-flash", "--skip-flashed"]
        for offset, content in parts.items():
            command += [hex(offset), str(self._file(f"{offset:x}", content))]
        self._do(doing, command, progress, after="hard-reset" if restart else "no-reset")

    # -- inside

    def _do(
        self, doing: str, command: list[str], progress: Progress, after: str = "no-reset"
    ) -> str:
        code, said = self._run(command, progress, after)
        if code:
            raise self._failed(doing, said)
        return said

    def _run(
        self, command: list[str], progress: Progress, after: str = "no-reset"
    ) -> tuple[int, str]:
        before = ["--chip", self.chip, "--port", self.port, "--baud", str(self._baud)]
        return run([*before, "--after", after, *command], progress)

    def _path(self, name: str) -> Path:
        return Path(self._folder.name, f"{name}.bin")

    def _file(self, name: str, content: bytes) -> Path:
        self._path(name).write_bytes(content)
        return self._path(name)

    def _failed(self, doing: str, said: str) -> FlashError | DeviceError:
        port, lower = self.port, said.lower()
        if "no module named" in lower:
            return FlashError("esptool is missing; install it: pip install esptool")
        broken = CutOff(f"{port}: the connection broke while {doing}; check cable and power")
        if any(words in lower for words in _GONE):
            return broken
        if "could not open" in lower or "port is busy" in lower:
            return DeviceError(f"{port}: {why_closed(port, 'esptool cannot open it')}")
        wrong = re.search(r"this chip is (\S+),", said, re.IGNORECASE)
        if wrong is not None:
            return FlashError(f"{port}: another board is there now, with an {wrong[1]}")
        if any(words in lower for words in _NO_ANSWER):
            return FlashError(
                f"{port}: no ESP32 answers; hold BOOT, press and let go of RESET, let go of BOOT, "
                "then run this again (or is it the wrong port?)"
            )
        if any(words in lower for words in _BROKEN):
            return broken
        fatal = _FATAL.search(said) or re.search(r"(\S.*)\s*\Z", said)
        return FlashError(f"{port}: {doing}: esptool says: {fatal[1].strip() if fatal else '?'}")
