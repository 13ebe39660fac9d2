"""A newer version over the network: fetched into the idle slot, verified, tried at a quiet moment.

Nothing here can harm what runs: the idle slot is withdrawn before it is touched, every file is
verified before it counts, the manifest comes last, and boot.py verifies all of it once more.  The
power may go at any moment; what was fetched is gone on from.  Work pauses while anybody is served.

A version that was offered and gave way to the old one again is remembered and not fetched again.
"""

import asyncio
import binascii
import hashlib
import os
from typing import TYPE_CHECKING

from micropython import const

from kassa.host import tls
from kassa.host.download import Downloads
from kassa.security import signed_file, slot_check
from kassa.security.slot_check import MANIFEST, SIGNATURE, BadImage
from kassa.system import release
from kassa.system.counters import PLANNED
from kassa.system.errors import KassaError

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from kassa.host.download import Source
    from kassa.system.counters import Counters
    from kassa.system.log import Log
    from kassa.system.slots import Slots
    from kassa.system.state_file import StateFile

FETCHED = "/state/update.json"
_FETCHED_SIGNATURE = "/state/update.sig"
_SIGNATURE_BYTES = const(384)
_LARGEST_MANIFEST = const(65536)
_PIECE = const(1024)
_PAUSE_MS = const(500)
_SPARE_BLOCKS = const(8)
_NEW = ".new"
_LAST = (MANIFEST, SIGNATURE)
_DIRECTORY = const(0x4000)


class NoRoom(KassaError):
    """The file system has no room for another version."""


class Updater:
    """Fetches from `source` what is newer than `version`, for this `board` and `chip`.

    idle() says whether nobody is being served.  memory: which version was offered last.
    fetched_bytes: so much has come over the network.
    """

    def __init__(
        self,
        source: "Source",
        slots: "Slots",
        memory: "StateFile",
        board: "dict[str, Any]",
        version: str,
        idle: "Callable[[], bool]",
        log: "Log",
    ) -> None:
        self._source = source
        self._slots = slots
        self._memory = memory
        self._board = board
        self._version = version
        self._idle = idle
        self._log = log
        self._buffer = bytearray(_PIECE)
        self._busy = asyncio.Lock()
        self._urged = 0
        self._ready = False
        self.fetched_bytes = 0

    async def once(self) -> bool:
        """Look for a newer version and get it ready; whether one is to be tried at the next start.

        Raises KassaError in one line: DownloadError, BadSignature, BadImage, NoRoom.
        """
        async with self._busy:
            if not self._ready:
                self._ready = await self._once()
        return self._ready

    async def now(self) -> bool:
        """As `once`, for somebody who waits for it: what is under way stops pausing, too."""
        self._urged += 1
        try:
            return await self.once()
        finally:
            self._urged -= 1

    async def _once(self) -> bool:
        if not self._slots.idle or self._slots.on_trial:
            return False
        downloads = Downloads(self._source, tls.client_context())
        try:
            manifest = await self._manifest(downloads)
            if manifest is None:
                return False
            slot = self._slots.idle
            self._slots.withdraw()
            await self._fill("/" + slot, manifest, downloads)
        except OSError as error:
            raise NoRoom("the flash cannot take the new version (error {})".format(error.errno))
        finally:
            await downloads.close()
        await self._verify("/" + slot, manifest)
        self._slots.offer(slot, need_host=True)
        # In this order: a version that was not offered must not count as one that did not come up.
        self._memory.save({"offered": manifest["version"]})
        self._log.event("update", "offered", slot=slot, version=manifest["version"])
        return True

    # -- is there anything?

    async def _manifest(self, downloads: Downloads) -> "dict[str, Any] | None":
        """What the server offers, when it is signed, ours and newer; None when it is not newer."""
        await self._fetch_small(
            downloads, SIGNATURE, _FETCHED_SIGNATURE, _SIGNATURE_BYTES, _SIGNATURE_BYTES
        )
        await self._fetch_small(downloads, MANIFEST, FETCHED, 1, _LARGEST_MANIFEST)
        signed_file.load().check(FETCHED, _FETCHED_SIGNATURE)
        with open(FETCHED) as file:
            manifest = slot_check.parse(file.read())
        slot_check.suits(manifest, self._board["name"], self._board["chip"])
        version = manifest["version"]
        try:
            newer = release.order(version) > release.order(self._version)
        except ValueError:
            raise BadImage(MANIFEST + ": " + str(version) + " is no version")
        if version == self._version:
            return None
        if not newer and manifest["downgrade"] is not True:
            raise BadImage(
                "{}: {} is older than {}, and it does not allow that".format(
                    MANIFEST, version, self._version
                )
            )
        known = self._memory.load()
        if isinstance(known, dict) and known.get("offered") == version:
            raise BadImage(MANIFEST + ": " + version + " was tried here and did not come up")
        return manifest

    async def _fetch_small(
        self, downloads: Downloads, path: str, place: str, least: int, most: int
    ) -> None:
        _make_folders(place)
        with open(place, "wb") as file:

            async def take(piece: memoryview) -> None:
                file.write(piece)

            await downloads.get(path, take, least, most)

    # -- into the slot

    async def _fill(self, folder: str, manifest: "dict[str, Any]", downloads: Downloads) -> None:
        """Every file of the manifest, what does not belong there away, the manifest last."""
        files = manifest["files"]
        _make_folders(folder + "/")
        self._room(files)
        await self._drop_extra(folder, "", files)
        for path in files:
            if not await self._is(folder + "/" + path, files[path]):
                await self._get(folder, path, files[path], downloads)
        for source, name in ((FETCHED, MANIFEST), (_FETCHED_SIGNATURE, SIGNATURE)):
            await self._copy(source, folder + "/" + name)

    def _room(self, files: "dict[str, Any]") -> None:
        told = os.statvfs("/")
        block, free = told[0], told[3]
        needed = _SPARE_BLOCKS
        folder = "/" + self._slots.idle + "/"
        for path in files:
            size = files[path]["size"]
            needed += size // block + 1
            try:
                needed -= os.stat(folder + path)[6] // block + 1
            except OSError:
                pass  # not there yet
        if needed > free:
            raise NoRoom("the new version needs {} blocks, {} are free".format(needed, free))

    async def _get(
        self, folder: str, path: str, facts: "dict[str, Any]", downloads: Downloads
    ) -> None:
        """One file, from the slot that runs if it has the same, else from the server."""
        place = folder + "/" + path
        _make_folders(place)
        ours = "/" + self._slots.running + "/" + path
        if await self._is(ours, facts):
            await self._copy(ours, place)
            return
        new = place + _NEW
        start = max(0, _size(new))
        if start > facts["size"]:
            start = 0
        file = open(new, "ab" if start else "wb")  # noqa: SIM115 - closed below, whatever comes
        try:

            async def take(piece: memoryview) -> None:
                await self._pause()
                file.write(piece)
                self.fetched_bytes += len(piece)

            if start < facts["size"]:
                size = facts["size"]
                await downloads.get("files/" + path, take, size, size, start)
        finally:
            file.close()  # what came is kept, to go on from
        if not await self._is(new, facts):
            os.remove(new)
            raise BadImage(path + ": changed")
        os.rename(new, place)

    async def _copy(self, source: str, place: str) -> None:
        new = place + _NEW
        view = memoryview(self._buffer)
        with open(source, "rb") as old, open(new, "wb") as file:
            count = old.readinto(self._buffer)
            while count:
                await self._pause()
                file.write(view[:count])
                count = old.readinto(self._buffer)
        os.rename(new, place)

    async def _is(self, place: str, facts: "dict[str, Any]") -> bool:
        """Whether the file at `place` is the one described."""
        if _size(place) != facts["size"]:
            return False
        digest = hashlib.sha256()
        view = memoryview(self._buffer)
        with open(place, "rb") as file:
            count = file.readinto(self._buffer)
            while count:
                digest.update(view[:count])
                await self._pause()
                count = file.readinto(self._buffer)
        return binascii.hexlify(digest.digest()).decode() == facts["sha256"]

    async def _drop_extra(self, folder: str, inside: str, files: "dict[str, Any]") -> None:
        for entry in list(os.ilistdir(folder + "/" + inside)):
            path = inside + entry[0]
            begun = path[: -len(_NEW)] if path.endswith(_NEW) else ""
            if entry[1] == _DIRECTORY:
                await self._drop_extra(folder, path + "/", files)
            elif path not in files and path not in _LAST and begun not in files:
                await self._pause()
                os.remove(folder + "/" + path)

    async def _verify(self, folder: str, manifest: "dict[str, Any]") -> None:
        """What boot.py is going to do, here in pieces, so that a customer need not wait."""
        signed_file.load().check(folder + "/" + MANIFEST, folder + "/" + SIGNATURE)
        for path in manifest["files"]:
            if not await self._is(folder + "/" + path, manifest["files"][path]):
                raise BadImage(path + ": changed")
        slot_check.nothing_else(folder, "", manifest["files"])

    async def _pause(self) -> None:
        """Let others run; and while anybody is served, wait, unless that one wants it now."""
        await asyncio.sleep_ms(0)
        while not self._idle() and not self._urged:
            await asyncio.sleep_ms(_PAUSE_MS)


def _size(path: str) -> int:
    """Bytes of a file, -1 where there is none."""
    try:
        return os.stat(path)[6]
    except OSError:
        return -1


def _make_folders(path: str) -> None:
    """The folders on the way to a file."""
    at = path.find("/", 1)
    while at > 0:
        try:
            os.stat(path[:at])
        except OSError:
            os.mkdir(path[:at])
        at = path.find("/", at + 1)


async def keep_up(
    updater: Updater,
    every_ms: int,
    quiet_ms: int,
    idle: "Callable[[], bool]",
    counters: "Counters",
    restart: "Callable[[], None]",
    log: "Log",
    first_ms: int = 60_000,
) -> None:
    """Look for a newer version now and then, for ever; once one is ready, restart when nobody has
    been served for `quiet_ms`.  Trouble is told and tried again the next time.
    """
    await asyncio.sleep_ms(first_ms)
    while True:
        try:
            if await updater.once():
                await _until_quiet(idle, quiet_ms)
                log.event("update", "restart")
                counters.restarting(PLANNED)
                restart()
        except (KassaError, MemoryError) as error:
            log.trouble("update", "no update", error)
        await asyncio.sleep_ms(every_ms)


async def _until_quiet(idle: "Callable[[], bool]", quiet_ms: int) -> None:
    quiet = 0
    while quiet < quiet_ms:
        await asyncio.sleep_ms(_PAUSE_MS)
        quiet = quiet + _PAUSE_MS if idle() else 0
