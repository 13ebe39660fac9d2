"""Files on a board, over the raw REPL: put there whole and verified, or left as they were.

    with Device(port) as device:
        files = BoardFiles(device)
        files.put("/config/terminal.json", content)

Paths are those of a running terminal (`firmware/README.md`): `/` is the main file system on the
partition `kassa`, `/boot` the one that MicroPython boots from.  On a board that was flashed and
never deployed to, MicroPython's own `/` is the latter, and the former is not mounted; that is seen
to here, so that nobody else has to know.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol

from host_tools.port import DeviceCodeError, DeviceError

BLOCK = 4096
_CHUNK = 3072  # bytes a turn: 4 KiB of text for the board to parse
_BOOT = "/boot"
_SLOWLY_S = 30
_NEW = ".new"  # a file that is not whole yet

LOOKING = """\
import os
def _kassa_is(p):
 try:
  os.stat(p)
  return True
 except OSError:
  return False
def _kassa_ours():
 try:
  with open('/boot.py') as f:return 'SET = "set_' in f.read()
 except OSError:
  return False
"""
"""Is there something at a path; is our boot.py what the board boots with, at its own `/`?"""
# Everything that the board needs to know, once a connection.  Names that a program may use are
# left alone; `_kassa_w` is the watchdog, fed while a long walk goes on.
_TOOLS = (
    f"{LOOKING}import json,binascii,hashlib\n"
    + """\
def _kassa_fed():
 w=globals().get('_kassa_w')
 if w:w.feed()
def _kassa_mount(fresh,make):
 import vfs,esp32
 if _kassa_is('/boot/boot.py') or _kassa_is('/boot/main.py'):
  if fresh:
   vfs.umount('/')
   p=esp32.Partition.find(esp32.Partition.TYPE_DATA,label='kassa')[0]
   vfs.VfsLfs2.mkfs(p)
   vfs.mount(vfs.VfsLfs2(p),'/')
  return '','/boot'
 p=esp32.Partition.find(esp32.Partition.TYPE_DATA,label='kassa')
 if not p:return 'none',''
 if not _kassa_is('/kassa_'):
  b=bytearray(64)
  blank=True
  for n in range(2):
   p[0].readblocks(n,b,0)
   blank=blank and b==b'\\xff'*64
  if blank or fresh:vfs.VfsLfs2.mkfs(p[0])
  try:f=vfs.VfsLfs2(p[0])
  except OSError:
   if not make or _kassa_ours():return 'damaged',''
   vfs.VfsLfs2.mkfs(p[0])
   f=vfs.VfsLfs2(p[0])
  vfs.mount(f,'/kassa_')
 return '/kassa_',''
def _kassa_sum(p):
 h=hashlib.sha256()
 b=bytearray(1024)
 v=memoryview(b)
 with open(p,'rb') as f:
  n=f.readinto(b)
  while n:
   h.update(v[:n])
   n=f.readinto(b)
 return binascii.hexlify(h.digest()).decode()
def _kassa_walk(top,d=''):
 for e in os.ilistdir(top+d or '/'):
  q=d+'/'+e[0]
  if e[1]==0x4000:_kassa_walk(top,q)
  else:
   _kassa_fed()
   print(json.dumps([q,os.stat(top+q)[6],_kassa_sum(top+q)]))
def _kassa_make(p):
 at=p.find('/',1)
 while at>0:
  if not _kassa_is(p[:at]):os.mkdir(p[:at])
  at=p.find('/',at+1)
def _kassa_end(new,p,s):
 _kassa_f.close()
 if _kassa_sum(new)!=s:
  os.remove(new)
  return False
 os.rename(new,p)
 return True
def _kassa_copy(q,p,s):
 global _kassa_f
 _kassa_make(p)
 b=bytearray(1024)
 v=memoryview(b)
 _kassa_f=open(p+'.new','wb')
 with open(q,'rb') as f:
  n=f.readinto(b)
  while n:
   _kassa_f.write(v[:n])
   n=f.readinto(b)
 return _kassa_end(p+'.new',p,s)
def _kassa_drop(p):
 if _kassa_is(p):os.remove(p)
def _kassa_tree(p):
 for e in os.ilistdir(p):
  q=p+'/'+e[0]
  if e[1]==0x4000:_kassa_tree(q)
  else:os.remove(q)
 os.rmdir(p)
"""
)


class Board(Protocol):
    """What runs code on a board: `host_tools.device.Device`."""

    port: str

    def run(self, code: str, doing: str = ..., within_s: float | None = ...) -> str: ...


class FullError(DeviceError):
    """There is no room for a file."""


class BoardFiles:
    """The files of a board whose program is stopped.

    fresh: make a new main file system, whatever is there; the journal is another partition.
    make: make one in place of a damaged one, too, on a board that was never a terminal: the power
    may have gone while it was made.
    progress(count): so many bytes more have arrived.
    Raises DeviceError, here and in every method; each call leaves every file old or new.
    """

    def __init__(
        self,
        board: Board,
        *,
        fresh: bool = False,
        make: bool = False,
        progress: Callable[[int], None] = lambda count: None,
    ) -> None:
        self._board = board
        self._progress = progress
        self.port = board.port
        board.run(_TOOLS, "preparing")
        told = self._ask(f"list(_kassa_mount({fresh},{make}))", "mounting the file systems")
        self._main, self._boot = told
        if self._main == "none":
            raise DeviceError(
                f"{self.port}: the board has no partition called kassa; `kassa flash` it first"
            )
        if self._main == "damaged":
            raise DeviceError(
                f"{self.port}: the main file system is damaged; the journal is another partition "
                "and untouched. `kassa backup`, then `kassa deploy --format`, provision again"
            )

    @property
    def booted(self) -> bool:
        """Whether our own boot.py has run and mounted both file systems."""
        return self._boot == _BOOT

    def place(self, path: str) -> str:
        """Where a path of a running terminal is on the board as it is now."""
        if path == _BOOT or path.startswith(_BOOT + "/"):
            return self._boot + path[len(_BOOT) :] or "/"
        return self._main + path

    def put(self, path: str, content: bytes) -> bool:
        """Write a file, verify it by the board's own SHA-256, then let it count; False when it
        was there already.  Folders are made.
        """
        digest = hashlib.sha256(content).hexdigest()
        place = self.place(path)
        if self._ask(f"_kassa_is({place!r}) and _kassa_sum({place!r})", f"reading {path}") == (
            digest
        ):
            return False
        self._write(path, place, content, digest)
        return True

    def put_all(self, files: Mapping[str, bytes]) -> int:
        """`put` without looking first, for files that are known to differ; how many there were."""
        for path, content in files.items():
            self._write(path, self.place(path), content, hashlib.sha256(content).hexdigest())
        return len(files)

    def copy(self, source: str, path: str, digest: str) -> None:
        """A file that is on the board already, under another path."""
        places = f"{self.place(source)!r},{self.place(path)!r},{digest!r}"
        try:
            whole = self._ask(f"_kassa_copy({places})", f"copying {source}")
        except FullError:
            self._give_up(self.place(path) + _NEW)
            raise
        if not whole:
            raise DeviceError(f"{self.port}: {source} cannot be read right; send it again")

    def move(self, source: str, path: str) -> None:
        """Give a file another name; what had that name is replaced in the same step."""
        self._run(f"os.rename({self.place(source)!r},{self.place(path)!r})", f"writing {path}")

    def get(self, path: str) -> bytes | None:
        """A file's content, None where there is none."""
        place = self.place(path)
        if not self._ask(f"_kassa_is({place!r})", f"reading {path}"):
            return None
        told = self._board.run(
            f"with open({place!r},'rb') as f:\n"
            " while True:\n"
            "  d=f.read(768)\n"
            "  if not d:break\n"
            "  print(binascii.b2a_base64(d).decode(),end='')\n",
            f"reading {path}",
        )
        content = b"".join(base64.b64decode(line) for line in told.splitlines())
        if self._ask(f"_kassa_sum({place!r})", f"reading {path}") != (
            hashlib.sha256(content).hexdigest()
        ):
            raise DeviceError(f"{self.port}: {path} did not arrive whole; try again")
        return content

    def remove(self, paths: Iterable[str]) -> None:
        """Remove files; those that are not there are no mistake."""
        for path in paths:
            self._run(f"_kassa_drop({self.place(path)!r})", f"removing {path}")

    def remove_tree(self, path: str) -> None:
        """Remove a folder with all that is in it."""
        self._run(f"_kassa_tree({self.place(path)!r})", f"removing {path}", _SLOWLY_S)

    def listdir(self, path: str) -> list[str]:
        """Names in a folder; none where there is no folder."""
        place = self.place(path)
        return self._ask(f"os.listdir({place!r}) if _kassa_is({place!r}) else []", path)

    def hashes(self, folder: str) -> dict[str, tuple[int, str]]:
        """Every file below a folder by its path in it: (size, SHA-256 in hexadecimal)."""
        place = self.place(folder).rstrip("/")
        told = self._board.run(
            f"if _kassa_is({place or '/'!r}):_kassa_walk({place!r})",
            f"reading {folder}",
            _SLOWLY_S,
        )
        rows = [json.loads(line) for line in told.splitlines()]
        return {path.lstrip("/"): (size, digest) for path, size, digest in rows}

    def free(self, path: str) -> int:
        """Bytes that are free on the file system of `path`."""
        root = self.place(_BOOT if path.startswith(_BOOT) else "/").rstrip("/") or "/"
        size, _, _, free = self._ask(f"list(os.statvfs({root!r})[:4])", "asking for space")
        return size * free

    # -- inside

    def _write(self, path: str, place: str, content: bytes, digest: str) -> None:
        """As few turns as can be: each costs the line's delay twice."""
        new = place + _NEW
        code = f"_kassa_make({place!r})\n_kassa_f=open({new!r},'wb')\n"
        doing = f"writing {path}"
        try:
            for start in range(0, len(content), _CHUNK):
                piece = content[start : start + _CHUNK]
                text = base64.b64encode(piece).decode()
                code += f"_=_kassa_f.write(binascii.a2b_base64({text!r}))\n"
                if start + _CHUNK < len(content):
                    self._run(code, doing)
                    code = ""
                self._progress(len(piece))
            told = self._run(f"{code}print(_kassa_end({new!r},{place!r},{digest!r}))", doing)
        except FullError:
            self._give_up(new)
            raise
        if told.strip() != "True":
            raise DeviceError(
                f"{self.port}: {path} did not arrive as it was sent; check the cable and try again"
            )

    def _give_up(self, new: str) -> None:
        self._board.run(
            f"try:_kassa_f.close()\nexcept OSError:pass\n_kassa_drop({new!r})", "cleaning up"
        )

    def _run(self, code: str, doing: str, within_s: float | None = None) -> str:
        try:
            return self._board.run(code, doing, within_s)
        except DeviceCodeError as error:
            last = error.traceback.strip().splitlines()[-1]
            if "28" in last and "OSError" in last:
                free = self.free(_BOOT if _BOOT in doing else "/")
                raise FullError(
                    f"{self.port}: the flash is full while {doing}: {free} bytes are left"
                ) from None
            raise

    def _ask(self, expression: str, doing: str) -> Any:
        told = self._run(f"print(json.dumps({expression}))", doing, _SLOWLY_S)
        try:
            return json.loads(told)
        except ValueError:
            raise DeviceError(
                f"{self.port}: the board's answer makes no sense while {doing}"
            ) from None
