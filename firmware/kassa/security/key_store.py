"""The terminal's DUKPT keys on flash: one small file, rewritten as a whole after every use.

    offset  bytes  what
    0       4      "KDK1"
    4       8      initial key identifier
    12      4      counter of the next transaction
    16      4      which registers hold a key, bit i for register i
    20      512    32 registers of 16 bytes
    532     8      leftmost bytes of SHA-256 over all before

The file is written *before* the keys of a transaction leave this module, so that no power cut can
make the terminal use a key twice: at worst a counter is skipped.  Writing costs a flash erase,
some 50 ms; `prefetch` pays for it while the terminal is idle.  It is written beside the old one
and renamed over it, which littlefs does atomically, so that neither a power cut nor a full or
failing flash costs the keys.

There is no secret on the chip to seal the file with: on stock firmware whoever reads the flash
reads the keys of *future* transactions (past ones are gone).  Flash encryption or a secure element
closes that gap; `zeroise` overwrites and deletes, but a worn flash block may still hold a copy.
"""

import errno
import hashlib
import os

from micropython import const

from kassa.security.dukpt import KEY_SIZE, REGISTERS, Registers, TransactionKeys
from kassa.security.errors import KeysDamaged, NoKeys

_MAGIC = b"KDK1"
_KEYS_AT = const(20)
_SUM_AT = _KEYS_AT + REGISTERS * KEY_SIZE
_SUM_SIZE = const(8)


class KeyStore:
    """The keys in the file `path`.  Nothing is read until it is asked for."""

    def __init__(self, path: str = "/state/keys.bin") -> None:
        self.path = path
        self._new_path = path + ".new"
        self._registers = Registers()
        self._loaded = False
        self._next: "TransactionKeys | None" = None

    @property
    def ready(self) -> bool:
        """Whether there are keys.  Raises KeysDamaged when the file cannot be read back."""
        self._load()
        return self._next is not None or self._registers.in_use != 0

    @property
    def prefetched(self) -> bool:
        """Whether the next transaction's keys are at hand, their use on record."""
        return self._next is not None

    def inject(self, initial_key: bytes, initial_key_id: bytes) -> None:
        """Take a new initial key (16 bytes) and its identifier (8 bytes); old keys are gone."""
        self._forget_next()
        self._registers.load(initial_key, initial_key_id)
        self._loaded = True
        self._save()

    async def next_keys(self) -> TransactionKeys:
        """The keys of a new transaction, never handed out before.  `wipe()` them when done.

        Raises NoKeys, KeysDamaged or KeysExhausted, or OSError when the flash cannot be written.
        """
        self.prefetch()
        keys = self._next
        if keys is None:
            raise NoKeys("the terminal has no keys; provision it")
        self._next = None
        return keys

    def prefetch(self) -> None:
        """Have the next transaction's keys at hand and their use on record; call it when idle.

        Does nothing when they are at hand already or when there are no keys at all.
        """
        if self._next is not None or not self.ready:
            return
        keys = self._registers.take()
        try:
            self._save()
        except OSError:
            # Not on record, so not to be used; the flash still has what was before.
            keys.wipe()
            self._loaded = False
            raise
        self._next = keys

    def zeroise(self) -> None:
        """Forget every key, in memory and on flash."""
        self._forget_next()
        self._registers.wipe()
        self._loaded = True
        for path in (self.path, self._new_path):
            try:
                os.stat(path)
            except OSError:
                continue  # there is no such file
            with open(path, "wb") as file:
                file.write(bytes(_SUM_AT + _SUM_SIZE))
            os.remove(path)

    def _forget_next(self) -> None:
        if self._next is not None:
            self._next.wipe()
            self._next = None

    def _load(self) -> None:
        if self._loaded:
            return
        try:
            with open(self.path, "rb") as file:
                content = file.read()
        except OSError:
            content = None
        registers = self._registers
        registers.wipe()
        if content is not None:
            if (
                len(content) != _SUM_AT + _SUM_SIZE
                or content[: len(_MAGIC)] != _MAGIC
                or _sum(content[:_SUM_AT]) != content[_SUM_AT:]
            ):
                raise KeysDamaged(self.path + " is damaged; inject a new initial key")
            registers.initial_key_id = content[4:12]
            registers.counter = int.from_bytes(content[12:16], "big")
            registers.in_use = int.from_bytes(content[16:20], "big")
            registers.keys[:] = content[_KEYS_AT:_SUM_AT]
        self._loaded = True

    def _save(self) -> None:
        registers = self._registers
        content = bytearray(_SUM_AT + _SUM_SIZE)
        content[:4] = _MAGIC
        content[4:12] = registers.initial_key_id
        content[12:16] = registers.counter.to_bytes(4, "big")
        content[16:20] = registers.in_use.to_bytes(4, "big")
        content[_KEYS_AT:_SUM_AT] = registers.keys
        content[_SUM_AT:] = _sum(content[:_SUM_AT])
        try:
            self._write(content)
        except OSError as error:
            if error.errno != errno.ENOENT:
                raise
            os.mkdir(self.path.rsplit("/", 1)[0])
            self._write(content)

    def _write(self, content: bytearray) -> None:
        with open(self._new_path, "wb") as file:
            file.write(content)
        os.rename(self._new_path, self.path)


def _sum(content: "bytes | bytearray") -> bytes:
    return hashlib.sha256(content).digest()[:_SUM_SIZE]
