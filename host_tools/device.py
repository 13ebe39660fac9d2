"""A board on a port, reached the way mpremote does: through the raw REPL.

    with Device("/dev/ttyUSB0") as device:
        image = device.read_partition("journal")

The program that runs on the board is stopped by Ctrl-C, as mpremote stops it; nothing else of the
board's own is run meanwhile.  For money that is a power cut, which the journal is made for.  At
the end the board is reset, so that the terminal goes on; should the computer fail before that, the
board's watchdog does it.
"""

from __future__ import annotations

import ast
import base64
import contextlib
import hashlib
import io
import struct
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Self

from mpremote.transport import TransportError
from mpremote.transport_serial import SerialIntercept, SerialTransport

from host_tools.port import DeviceCodeError, DeviceError, why_closed

BLOCK = 4096
_BLOCKS_AT_ONCE = 8
_ANSWERS_WITHIN_S = 5
_WORKS_WITHIN_S = 10
_WATCHDOG_MS = 60_000
_QUIET_S, _LOOK_S = 0.05, 0.005
_BANNER = b"raw REPL; CTRL-B to exit\r\n"
_REBOOTED = b"soft reboot\r\n"
_BOOTS_WITHIN_S = 60

# Kept out of the names that a program may use; `_kassa_w` is fed with every piece of work.
_BEGIN = f"""\
import gc
gc.collect()
try:
 import machine
 _kassa_w=machine.WDT(timeout={_WATCHDOG_MS})
except (ImportError,AttributeError):
 _kassa_w=None
"""
_FEED = "if globals().get('_kassa_w'):_kassa_w.feed()\n"
_FIND = """\
try:
 import esp32
 _kassa_p=esp32.Partition.find(esp32.Partition.TYPE_DATA,label={label!r})
except ImportError:
 _kassa_p=[]
print(_kassa_p[0].info()[3] if _kassa_p else 0)
"""
# Erased ends of blocks are not worth sending: a journal is mostly erased.
_READ = """\
import binascii
_kassa_b=bytearray(4096)
for _kassa_n in range({first},{end}):
 _kassa_p[0].readblocks(_kassa_n,_kassa_b)
 print(binascii.b2a_base64(_kassa_b.rstrip(b'\\xff')).decode(),end='')
"""
_HASH = """\
import hashlib,binascii
_kassa_h=hashlib.sha256()
_kassa_b=bytearray(4096)
for _kassa_n in range({blocks}):
 _kassa_p[0].readblocks(_kassa_n,_kassa_b)
 _kassa_h.update(_kassa_b)
 if _kassa_w and _kassa_n%64==0:_kassa_w.feed()
print(binascii.hexlify(_kassa_h.digest()).decode())
"""
_FILE = """\
import binascii
try:
 with open({path!r},'rb') as _kassa_f:
  while True:
   _kassa_d=_kassa_f.read(384)
   if not _kassa_d:break
   print(binascii.b2a_base64(_kassa_d).decode(),end='')
 print('.')
except OSError:
 print('-')
"""
BY_TOOL = b"reset by a tool"
"""As in kassa.system.slots: not a start that a version has to prove itself by."""
_RESET = f"import machine\nmachine.RTC().memory({BY_TOOL!r})\nmachine.reset()"
_MOUNTED = """\
import os,sys
os.chdir({home!r})
sys.path.insert(0,'/remote')
"""
_UNMOUNTED = "sys.path.remove('/remote')\n"


class _Transport(SerialTransport):
    """mpremote's, which waits ten seconds for whatever should be there at once."""

    def read_until(
        self, min_num_bytes: int, ending: bytes, timeout: float | None = None, **more: Any
    ) -> bytes:
        patience_s = _ANSWERS_WITHIN_S if timeout is None else timeout
        return super().read_until(min_num_bytes, ending, timeout=patience_s, **more)


class _Intercept(SerialIntercept):
    """mpremote's, which serves a mounted folder; it waits for ever for a board that has reset."""

    def read(self, n: int) -> bytes:
        """Up to n bytes: fewer when nothing came for the port's own time-out."""
        while len(self.buf) < n:
            held, began = len(self.buf), time.monotonic()
            self._check_input(True)
            silent_s = time.monotonic() - began
            if len(self.buf) == held and silent_s >= self.orig_serial.timeout:
                break
        out, self.buf = self.buf[:n], self.buf[n:]
        return out


class Device:
    """The board on `port`, with its program stopped.  Raises DeviceError, at any method too.

    reset_at_end: whether leaving the `with` resets the board, so that its program goes on.
    """

    def __init__(self, port: str, *, reset_at_end: bool = True) -> None:
        self.port = port
        self._reset_at_end = reset_at_end
        self._stopped = False
        self._doing = "connecting"
        self._transport = self._open()

    def __enter__(self) -> Self:
        try:
            self._stop_program()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            if self._stopped and self._reset_at_end:
                if kind is not None:  # perhaps in the middle of something
                    self._stop_program()
                self.reset()
        except DeviceError:
            if kind is None:
                raise
        finally:
            self.close()

    def close(self) -> None:
        """Let go of the port; the board stays as it is."""
        with contextlib.suppress(OSError, TransportError):
            self._transport.close()

    # -- code

    def run(
        self, code: str, doing: str = "running a program", within_s: float | None = None
    ) -> str:
        """Run code on the board; what it printed.  doing: for the message when it fails.
        within_s: how long it may print nothing.  Raises DeviceCodeError when the code did.
        """
        within_s = _WORKS_WITHIN_S if within_s is None else within_s
        with self._working(doing):
            printed, traceback = self._transport.exec_raw(_FEED + code, timeout=within_s)
        if traceback:
            raise DeviceCodeError(self.port, traceback.decode(errors="replace"))
        return printed.decode(errors="replace").replace("\r\n", "\n")

    def evaluate(self, expression: str) -> Any:
        """The value of an expression, which must be a literal of Python."""
        return self.literal(self.run(f"print(repr({expression}))", "asking the board"))

    def literal(self, printed: str) -> Any:
        """The value of a literal of Python that the board has printed."""
        try:
            return ast.literal_eval(printed.strip())
        except (ValueError, SyntaxError):
            raise DeviceError(f"{self.port}: the board's answer makes no sense") from None

    def reset(self) -> None:
        """Restart the chip, as the reset button does; the port stays open."""
        with self._working("resetting the board"):
            self._transport.exec_raw_no_follow(_RESET)
        self._stopped = False

    def stop(self) -> None:
        """Stop what runs on the board, after it has failed to answer in time."""
        self._doing = "stopping the program"
        self._stop_program()

    def soft_reset(self) -> None:
        """Begin anew in a clean interpreter: boot.py runs, main.py does not."""
        with self._working("restarting MicroPython"):
            line = self._transport
            line.serial.write(b"\x04")
            for ending in (_REBOOTED, _BANNER):
                if not line.read_until(1, ending, timeout=_BOOTS_WITHIN_S).endswith(ending):
                    raise TransportError("boot.py did not end")
        self.run(_BEGIN, "preparing")

    @contextlib.contextmanager
    def mounted(self, folder: Path) -> Iterator[None]:
        """Let the board import from a folder of this computer, before its own modules."""
        home = self.evaluate("__import__('os').getcwd()")
        with self._working("mounting a folder"):
            line = self._transport
            line.mount_local(str(folder))
            line.serial = _Intercept(line.serial.orig_serial, line.cmd)
        self.run(_MOUNTED.format(home=home), "mounting a folder")
        try:
            yield
        finally:
            with contextlib.suppress(DeviceError):
                self.run(_UNMOUNTED, "taking a folder away")
                with self._working("taking a folder away"):
                    self._transport.umount_local()

    def listen(self, piece_s: float) -> Iterator[bytes]:
        """What the board's program prints, for ever, in pieces; nothing is sent, nothing stops.
        Outside a `with`.  piece_s: after how long without a byte an empty piece comes.
        """
        line = self._transport.serial
        line.timeout = piece_s
        self._doing = "listening"
        while True:
            try:
                piece = line.read(max(1, line.inWaiting()))
            except OSError as error:
                raise self._lost(error) from None
            yield piece

    # -- what is on it

    def read_file(self, path: str) -> bytes | None:
        """A file of the board's file system, None where there is none."""
        printed = self.run(_FILE.format(path=path), f"reading {path}").splitlines()
        if not printed or printed[-1] not in (".", "-"):
            raise DeviceError(f"{self.port}: the board's answer was cut short; try again")
        if printed[-1] == "-":
            return None
        return b"".join(base64.b64decode(line) for line in printed[:-1])

    def read_partition(
        self, label: str, progress: Callable[[int, int], None] = lambda done, total: None
    ) -> bytes:
        """A data partition as it is in flash, verified against the board's own SHA-256 of it.

        progress(done, total) in bytes.  The board's program must not write to it meanwhile: it is
        stopped.
        """
        doing = f"reading the partition {label}"
        size = int(self.run(_FIND.format(label=label), doing))
        if not size:
            raise DeviceError(
                f"{self.port}: the board has no partition called {label}; "
                "it was flashed without Kassa's partition table"
            )
        progress(0, size)
        blocks, parts = size // BLOCK, []
        for first in range(0, blocks, _BLOCKS_AT_ONCE):
            end = min(first + _BLOCKS_AT_ONCE, blocks)
            lines = self.run(_READ.format(first=first, end=end), doing).split("\n")[: end - first]
            parts += [self._block(line) for line in lines]
            progress(end * BLOCK, size)
        image = b"".join(parts)
        told = self.run(_HASH.format(blocks=blocks), f"verifying the partition {label}").strip()
        if len(image) != size or hashlib.sha256(image).hexdigest() != told:
            raise DeviceError(
                f"{self.port}: what arrived of {label} is not what the board holds; "
                "check the cable and try again"
            )
        return image

    # -- inside

    def _block(self, line: str) -> bytes:
        try:
            return base64.b64decode(line, validate=True).ljust(BLOCK, b"\xff")
        except ValueError:
            return b""  # the check of the whole says it

    def _open(self) -> _Transport:
        try:
            return _Transport(self.port, timeout=_ANSWERS_WITHIN_S)
        except (TransportError, OSError, ValueError) as error:
            raise DeviceError(f"{self.port}: {why_closed(self.port, error)}") from None

    def _stop_program(self) -> None:
        """Ctrl-C and raw REPL, without the soft reset: nothing of the board's is to run."""
        try:
            if not self._in_raw_repl() and not self._in_raw_repl():
                raise DeviceError(
                    f"{self.port}: nothing there answers like MicroPython; is it flashed "
                    "and powered, and is this the right port?"
                )
        except OSError as error:
            raise self._lost(error) from None
        self._stopped = True
        self.run(_BEGIN, "stopping the program")

    def _in_raw_repl(self) -> bool:
        """Ask for it; once may be too early, in the moment in which a program starts."""
        try:
            with contextlib.redirect_stdout(io.StringIO()):  # mpremote prints what it got instead
                self._transport.enter_raw_repl(
                    soft_reset=False, timeout_overall=_ANSWERS_WITHIN_S / 2
                )
                # A Ctrl-A that came late is answered late, after the one that was waited for.
                self._until_quiet()
                self._transport.serial.write(b"\x01")
                banner = self._transport.read_until(1, _BANNER)
        except TransportError:
            return False
        return banner.endswith(_BANNER)

    def _until_quiet(self) -> None:
        """Throw away what comes, until nothing comes any more."""
        line, quiet_since = self._transport.serial, time.monotonic()
        while time.monotonic() - quiet_since < _QUIET_S:
            waiting = line.inWaiting()
            if waiting:
                line.read(waiting)
                quiet_since = time.monotonic()
            time.sleep(_LOOK_S)

    @contextlib.contextmanager
    def _working(self, doing: str) -> Iterator[None]:
        self._doing = doing
        try:
            with contextlib.redirect_stdout(io.StringIO()):
                yield
        except OSError as error:
            raise self._lost(error) from None
        # The latter two for half an answer.
        except (TransportError, struct.error, IndexError) as error:
            self._stopped = False
            raise DeviceError(
                f"{self.port}: the board stopped answering while {doing} ({error})"
            ) from None

    def _lost(self, error: OSError) -> DeviceError:
        self._stopped = False
        asked = "unplugged or switched off?"
        if self._doing == "connecting":
            asked = "is the port in use by another program, or unplugged?"
        return DeviceError(
            f"{self.port}: the connection broke while {self._doing}; {asked} "
            f"({error.strerror or error})"
        )
