"""What is wrong with a board, part by part, and what to do about it; in whatever state it is.

    with Device(port) as device:
        for finding in Doctor(device, board).findings():
            print(finding.verdict, finding.name, finding.detail, finding.remedy)

First the board is looked at as its program was stopped: heap, clock.  Then MicroPython begins anew
with nothing of the terminal's running, and the computer reads what is on the flash and judges it:
file systems, certificates, keys, the journal with the money in it.  The parts themselves are
tried by `firmware/doctor.py`, which the board imports from this computer with all that it needs,
so that it does not matter what is deployed there.  Nothing is written, but for what signing on to
the host writes.
"""

from __future__ import annotations

import datetime
import json
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from host_tools import backup, doctor_attended, doctor_flash, image, imports, mpy
from host_tools.board_files import LOOKING
from host_tools.boot_program import FORGET
from host_tools.chips import chip_of
from host_tools.device import Device
from host_tools.doctor_attended import Person
from host_tools.doctor_finding import FAIL, OK, WARN, Finding, remedy
from host_tools.port import DeviceCodeError, DeviceError

Progress = Callable[[int, int], None]

PROGRAM = "doctor.py"
LOOKS = ("panel", "keypad", "reader", "printer", "case")
_OLDEST_MICROPYTHON = (1, 24)
_OLDEST_YEAR = 2025
_DRIFT_WARN_S, _DRIFT_FAIL_S = 60, 3600
# As kassa.app.checks judges them.
_HEAP_WARN, _HEAP_FAIL = 24 * 1024, 12 * 1024
_PIECE_WARN, _PIECE_FAIL = 12 * 1024, 6 * 1024
_LEAST_PSRAM_HEAP = 512 * 1024
_PART_WITHIN_S = 40
_PROVISION = remedy("remedy.configuration")
_NETWORK_WITHIN_S = 90
_FEED_EVERY_S = 15

# Before anything else takes memory.  The largest piece is tried out up to 64 KiB.
_AS_FOUND = """\
import gc,machine
gc.collect()
_kassa_r=[gc.mem_free(),gc.mem_alloc(),0]
_kassa_h=64
while _kassa_r[2]<_kassa_h:
 _kassa_m=(_kassa_r[2]+_kassa_h+1)//2
 try:
  bytearray(_kassa_m*1024)
  _kassa_r[2]=_kassa_m
 except MemoryError:
  _kassa_h=_kassa_m-1
print(_kassa_r+[list(machine.RTC().datetime())])
"""
_CONDITION = (
    LOOKING
    + """\
import sys
_kassa_r={'booted':_kassa_is('/boot/boot.py'),'ours':_kassa_ours(),'partitions':[]}
_kassa_r['provisioned']=_kassa_r['booted'] and _kassa_is('/config/terminal.json')
_kassa_r['mpy']=getattr(sys.implementation,'_mpy',0)
try:
 import esp
 _kassa_r['flash_bytes']=esp.flash_size()
except ImportError:
 _kassa_r['flash_bytes']=0
try:
 from esp32 import Partition
 for _kassa_p in Partition.find(Partition.TYPE_DATA):
  _kassa_r['partitions'].append(list(_kassa_p.info()[2:5]))
except ImportError:
 pass
print(repr(_kassa_r))
"""
)


@dataclass(frozen=True)
class Condition:
    """What the board is, and how far it has come.

    booted: our boot.py has mounted both file systems; ours: it is there, and could not.
    provisioned: there is a /config/terminal.json, however good.
    mpy: `sys.implementation._mpy`; flash_bytes: of the chip, 0 where it cannot be told;
    partitions: those of data, (offset, size, label).
    """

    booted: bool
    ours: bool
    provisioned: bool
    mpy: int
    flash_bytes: int
    partitions: list[tuple[int, int, str]]

    @property
    def deployed(self) -> bool:
        return self.booted or self.ours


class Doctor:
    """Examines the board, whose program is stopped.

    board: what the board file says, for one that does not know itself.  reading: is entered while
    the journal is read, and gives what hears progress(done, total) in bytes.  now: the time, by
    default the computer's.
    """

    def __init__(
        self,
        device: Device,
        board: dict[str, Any],
        *,
        reading: Callable[[], AbstractContextManager[Progress]] = lambda: nullcontext(_unheard),
        now: datetime.datetime | None = None,
    ) -> None:
        self.board = board
        self._device = device
        self._reading = reading
        self._now = now

    def findings(self, person: Person | None = None) -> Iterator[Finding]:
        """One finding after the other, each as soon as it is made.  person: in front of the board,
        or None.  Raises DeviceError when the board cannot be reached any more.
        """
        yield from self._as_found()
        self._device.soft_reset()
        facts = backup.facts(self._device)
        yield from self._identity(facts)
        told = self._device.literal(self._device.run(_CONDITION, "looking around"))
        told["partitions"] = [tuple(each) for each in told["partitions"]]
        condition = Condition(**told)
        yield from _flash_chip(condition, self.board)
        yield from _partitions(condition, self.board)
        yield from self._files(condition)
        if condition.deployed:
            yield from self._flash(condition)
        with self.parts(condition.mpy):
            yield from self._look("memory")
            if condition.booted:
                yield from self._look("files")
                yield from self._look("slot")
            if condition.provisioned:
                yield from self._look("configuration")
            if self._is_this_chip(facts):  # else these are another board's pins
                for name in LOOKS:
                    yield from self._look(name)
            if condition.provisioned:
                yield from self._look("network", _NETWORK_WITHIN_S)
            if person is not None and self._is_this_chip(facts):
                yield from doctor_attended.findings(self.ask, person, self._awake)

    def _time(self) -> datetime.datetime:
        return self._now or datetime.datetime.now(datetime.UTC)

    # -- parts, tried by the board itself

    @contextmanager
    def parts(self, reads_mpy: int) -> Iterator[None]:
        """`doctor.py` and what it needs can be imported.  reads_mpy: `sys.implementation._mpy`."""
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            for path, content in _program(self.board, reads_mpy).items():
                place = folder / path
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_bytes(content)
            with self._device.mounted(folder):
                self._device.run(FORGET, "preparing")
                yield

    def _look(self, name: str, within_s: float = _PART_WITHIN_S) -> Iterator[Finding]:
        found = self.ask(f"look({name!r})", name, within_s)
        advice = remedy(f"remedy.{name}")
        yield from found or [Finding(name, FAIL, "the board says nothing of it", advice)]

    def ask(self, call: str, name: str, within_s: float) -> list[Finding]:
        """The findings that a function of `doctor.py` prints; none where only a person can tell.
        name: of the part, should that fail.
        """
        try:
            printed = self._device.run(
                f"import doctor\ndoctor.{call}\n", f"looking at the {name}", within_s
            )
        except DeviceCodeError as error:
            why = str(error).removeprefix(f"{self._device.port}: ")
            return [Finding(name, FAIL, why, remedy(f"remedy.{name}"))]
        except DeviceError as lost:
            try:
                self._device.stop()
                still = self._device.evaluate("'RemoteFS' in globals()")
            except DeviceError:
                raise lost from None
            if not still:
                raise DeviceError(
                    f"{self._device.port}: the board restarted by itself while looking at the "
                    f"{name}; `kassa logs` may tell why"
                ) from None
            why = f"the board said nothing for {within_s:g} s"
            return [Finding(name, FAIL, why, remedy(f"remedy.{name}"))]
        return [finding for line in printed.splitlines() for finding in _finding(line)]

    @contextmanager
    def _awake(self) -> Iterator[None]:
        """The board waits, however long.  Raises DeviceError when it could not."""
        over = threading.Event()

        def feed() -> None:
            while not over.wait(_FEED_EVERY_S):
                self._device.run("", "waiting for an answer")

        with ThreadPoolExecutor(1) as pool:
            feeding = pool.submit(feed)
            try:
                yield
            finally:
                over.set()
            feeding.result()

    # -- the board as it is

    def _as_found(self) -> Iterator[Finding]:
        try:
            free, taken, piece, moment = self._device.literal(
                self._device.run(_AS_FOUND, "looking at the heap")
            )
        except DeviceCodeError:
            detail = "too little is free even to ask how much"
            yield Finding("heap", FAIL, detail, remedy("remedy.memory"))
            return
        yield _heap(free, free + taken, piece * 1024, self.board)
        yield self._clock(moment)

    def _clock(self, moment: list[int]) -> Finding:
        now = self._time()
        year, month, day, _, hour, minute, second, _ = moment
        if year < _OLDEST_YEAR:
            return Finding("clock", FAIL, "not set", remedy("remedy.clock"))
        told = datetime.datetime(year, month, day, hour, minute, second, tzinfo=datetime.UTC)
        drift_s = round((told - now).total_seconds())
        detail = f"{told:%Y-%m-%d %H:%M:%S} UTC, {_drift(drift_s)}"
        if abs(drift_s) >= _DRIFT_WARN_S:
            verdict = FAIL if abs(drift_s) >= _DRIFT_FAIL_S else WARN
            return Finding("clock", verdict, detail, remedy("remedy.clock"))
        return Finding("clock", OK, detail)

    def _identity(self, facts: Mapping[str, Any]) -> Iterator[Finding]:
        detail = f"{facts['machine']}, {self.board['name']}"
        if not self._is_this_chip(facts):
            detail += f" has an {self.board['chip']}"
            yield Finding("board", FAIL, detail, remedy("remedy.board"))
        else:
            yield Finding("board", OK, detail)
        version = str(facts["micropython"])
        if tuple(map(int, version.split(".")[:2])) < _OLDEST_MICROPYTHON:
            oldest = ".".join(map(str, _OLDEST_MICROPYTHON))
            detail = f"{version}; Kassa needs {oldest} or newer"
            yield Finding("micropython", FAIL, detail, remedy("remedy.micropython"))
        else:
            yield Finding("micropython", OK, version)

    def _is_this_chip(self, facts: Mapping[str, Any]) -> bool:
        return chip_of(str(facts["machine"])) == self.board["chip"]

    def _files(self, condition: Condition) -> Iterator[Finding]:
        if condition.booted:
            return
        if condition.ours:
            detail = "the main file system is damaged; the journal is another partition"
            yield Finding("files", FAIL, detail, remedy("remedy.files"))
        else:
            detail = "nothing of Kassa is on the board"
            yield Finding("firmware", FAIL, detail, remedy("remedy.firmware"))

    def _flash(self, condition: Condition) -> Iterator[Finding]:
        """What the computer can judge by itself."""
        device = self._device

        def read(path: str) -> bytes | None:
            return device.read_file(path) if condition.booted else None

        if condition.booted:
            if condition.provisioned:
                yield from doctor_flash.certificates(read, self._time())
                yield doctor_flash.keys(read)
            else:
                yield Finding("configuration", FAIL, "not provisioned", _PROVISION)
            yield from doctor_flash.trials(device)
        if any(label == "journal" for _, _, label in condition.partitions):
            with self._reading() as progress:
                content = device.read_partition("journal", progress)
            yield from doctor_flash.money(content, read(backup.DEVICE_KEY), read(backup.ANCHOR))
        if condition.booted:
            yield from doctor_flash.history(read, self._time())


def _unheard(done: int, total: int) -> None:
    """Nobody watches."""


def board_of(device: Device) -> dict[str, Any] | None:
    """The board that a deployed board says it is; None when it says nothing."""
    code = "from board import BOARD\nprint(repr(BOARD))\n"
    try:
        found = device.literal(device.run(code, "asking the board"))
    except DeviceError:
        return None
    known = isinstance(found, dict) and {"name", "chip"} <= set(found)
    return found if known else None


def _program(board: Mapping[str, Any], reads_mpy: int) -> dict[str, bytes]:
    """`doctor.py` and all that it may import, as bytecode where this MicroPython reads ours."""
    known = mpy.sources(mpy.FIRMWARE)
    needed = imports.closure(known, [PROGRAM])
    files = {path.removeprefix("lib/"): known[path] for path in needed}
    compiled = {f"{path[:-3]}.mpy": each for path, each in mpy.compile_all(files).items()}
    try:
        mpy.check_interpreter(next(iter(compiled.values())), reads_mpy)
    except ValueError:
        compiled = files
    return compiled | {"board.py": image.board_module(board)}


def _finding(line: str) -> Iterator[Finding]:
    """None for a line that is none: what a driver has printed."""
    try:
        told = json.loads(line)
        yield Finding(told["check"], told["verdict"], told["detail"], remedy(told["remedy"]))
    except (ValueError, TypeError, KeyError):
        return


def _heap(free: int, total: int, piece: int, board: Mapping[str, Any]) -> Finding:
    detail = f"{free >> 10} of {total >> 10} KiB free, largest piece "
    detail += "64 KiB or more" if piece >= 64 * 1024 else f"{piece >> 10} KiB"
    if board.get("psram", {}).get("size_mib") and total < _LEAST_PSRAM_HEAP:
        return Finding("heap", FAIL, f"{detail}; PSRAM is not used", remedy("remedy.psram"))
    if free < _HEAP_FAIL or piece < _PIECE_FAIL:
        return Finding("heap", FAIL, detail, remedy("remedy.memory"))
    if free < _HEAP_WARN or piece < _PIECE_WARN:
        return Finding("heap", WARN, detail, remedy("remedy.memory"))
    return Finding("heap", OK, detail)


def _flash_chip(condition: Condition, board: Mapping[str, Any]) -> Iterator[Finding]:
    """Is it as large as the board file's, by which the partitions were laid out?"""
    found, wanted = condition.flash_bytes >> 20, board.get("flash", {}).get("size_mib", 0)
    if condition.flash_bytes and found < wanted:
        detail = f"{found} MiB; {board['name']} has {wanted}"
        yield Finding("flash chip", FAIL, detail, remedy("remedy.board"))
    elif condition.flash_bytes:
        yield Finding("flash chip", OK, f"{found} MiB")


def _partitions(condition: Condition, board: Mapping[str, Any]) -> Iterator[Finding]:
    """Are they where the board file has them?  A device's own description does not say."""
    there = {label: (offset, size) for offset, size, label in condition.partitions}
    wanted = ("vfs", "kassa", "journal")
    missing = [name for name in wanted if name not in there]
    if missing:
        detail = f"no partition called {' or '.join(missing)}"
        yield Finding("partitions", FAIL, detail, remedy("remedy.partitions"))
        return
    for entry in board.get("partitions", ()):
        place = there.get(entry["name"])
        if place is not None and place != (entry["offset"], entry["size"]):
            detail = f"{entry['name']} is not where the board file has it"
            yield Finding("partitions", WARN, detail, remedy("remedy.partitions"))
            return
    sizes = ", ".join(f"{name} {there[name][1] >> 10} KiB" for name in wanted)
    yield Finding("partitions", OK, sizes)


def _drift(seconds: int) -> str:
    if not seconds:
        return "as this computer's"
    return f"{abs(seconds)} s {'ahead of' if seconds > 0 else 'behind'} this computer's"
