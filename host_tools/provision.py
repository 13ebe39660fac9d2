"""What makes a deployed board a certain terminal: configuration, credentials, keys, the time.

Every file is old or new, never half; what is right already is left alone, so that the same command
after a break goes on.  An initial key that the board has is never injected again: its counter
would begin anew, and a key of the past be used twice.
"""

from __future__ import annotations

import datetime
import json
from collections.abc import Callable
from typing import Any

from host_tools import key_file, service
from host_tools.board_files import Board, BoardFiles
from host_tools.ca import ShopCa
from host_tools.emv_signing import SigningKey
from host_tools.key_file import KeysError
from host_tools.port import DeviceCodeError, DeviceError
from host_tools.profile import Profile

_KEYS = "/state/keys.bin"
_WRONG_CODES = "/state/service"
_TERMINAL = "/config/terminal.json"
_SIGNER = "/config/signer.json"
_CREDENTIALS = ("/tls/client.der", "/tls/key.der")
_OLDEST_YEAR = 2026
_SLOWLY_S = 30

# Random numbers are only random while the radio is on.
_INJECT = """\
import network
network.WLAN(network.WLAN.IF_STA).active(True)
from kassa.security.key_store import KeyStore as _kassa_K
if not _kassa_is({folder!r}):os.mkdir({folder!r})
_kassa_K({path!r}).inject(bytes.fromhex({key!r}),bytes.fromhex({key_id!r}))
"""
_SET_CLOCK = "import machine\nmachine.RTC().datetime({moment!r})\n"


class Provisioning:
    """Makes the board, whose program is stopped, the terminal of `profile`.

    key: signs the EMV configuration; the board must trust it.  new_keys: replace the keys of
    another profile.  service_code: opens the service menu; code_is_in:
    the file that has it.  say(step): each step in words.  Raises DeviceError, DocumentError.
    """

    def __init__(
        self,
        board: Board,
        profile: Profile,
        key: SigningKey,
        authority: ShopCa,
        *,
        service_code: str,
        code_is_in: str,
        new_keys: bool = False,
        say: Callable[[str], None] = lambda step: None,
    ) -> None:
        self.port = board.port
        self._board = board
        self._profile = profile
        self._key = key
        self._authority = authority
        self._service_code = service_code
        self._code_is_in = code_is_in
        self._new_keys = new_keys
        self._say = say
        self._files = BoardFiles(board)

    def run(self, now: datetime.datetime | None = None) -> None:
        """All of it; `now` is the time that the terminal is told, by default the computer's."""
        self._trusted(self._key.signer())
        code = service.table(self._service_code, self._present_service())
        files = self._profile.files(self._key, code)
        changed = [path for path, content in files.items() if self._files.put(path, content)]
        self._say(f"configuration: {_names(changed)}")
        self._say(f"service menu: its code is in {self._code_is_in}")
        self._credentials()
        self._inject()
        self._clock(now or datetime.datetime.now(datetime.UTC))
        # Who has cable and profile need not wait for what somebody has guessed at the keypad.
        self._files.remove([_WRONG_CODES])

    def _trusted(self, signer: bytes) -> None:
        """Does the board run a version that this shop has signed?"""
        found = self._files.get(_SIGNER)
        if found is None:
            raise DeviceError(
                f"{self.port}: the board has no firmware of this shop yet; `kassa deploy` first"
            )
        if found != signer:
            raise DeviceError(
                f"{self.port}: the board takes only what another shop has signed; "
                "`kassa deploy --take-over` first"
            )

    def _present_service(self) -> Any:
        """What the terminal has of a service code; None for nothing that can be read."""
        content = self._files.get(_TERMINAL)
        try:
            document = json.loads(content or b"null")
        except ValueError:
            return None
        return document.get("service") if isinstance(document, dict) else None

    def _credentials(self) -> None:
        certificate, key = (self._files.get(path) for path in _CREDENTIALS)
        name = self._profile.terminal_id
        if certificate and key and self._authority.still_good(certificate, name):
            self._say("certificate: still good")
            return
        made = self._authority.issue(name)
        # The key first: a certificate without its key is a terminal that cannot connect, and so
        # is the other way round; both are put right by the same command again.
        self._files.put(_CREDENTIALS[1], made.key)
        self._files.put(_CREDENTIALS[0], made.certificate)
        self._say(f"certificate: a new one for {name}, signed by the shop's CA")

    def _inject(self) -> None:
        if self._profile.keys is None:
            self._say("keys: none in the profile; the terminal keeps what it has")
            return
        key_id, key = self._profile.keys
        there = self._present_keys()
        if there == key_id:
            self._say("keys: there already, and go on where they are")
            return
        if there is not None and not self._new_keys:
            raise DeviceError(
                f"{self.port}: the terminal has keys with the identifier {there.hex().upper()}; "
                "--new-keys gives them up for those of the profile"
            )
        path = self._files.place(_KEYS)
        code = _INJECT.format(
            folder=path.rsplit("/", 1)[0], path=path, key=key.hex(), key_id=key_id.hex()
        )
        try:
            self._board.run(code, "injecting the keys", _SLOWLY_S)
        except DeviceCodeError as error:
            if "ImportError" in error.traceback:
                raise DeviceError(
                    f"{self.port}: no version of the firmware runs there; `kassa deploy` first"
                ) from None
            # What the board printed quotes the line with the key in it.
            raise DeviceError(f"{self.port}: the keys could not be stored") from None
        self._say(f"keys: the sandbox's, identifier {key_id.hex().upper()}")

    def _present_keys(self) -> bytes | None:
        """The identifier of the keys that the terminal has; None for none."""
        content = self._files.get(_KEYS)
        if content is None:
            return None
        try:
            return key_file.parse(content).initial_key_id
        except KeysError as error:
            if self._new_keys:
                return None
            raise DeviceError(
                f"{self.port}: {_KEYS}: {error}; --new-keys replaces them"
            ) from error

    def _clock(self, now: datetime.datetime) -> None:
        if now.year < _OLDEST_YEAR:
            raise DeviceError(
                f"this computer's clock says {now:%Y-%m-%d}; set it, the terminal is told the same"
            )
        moment = (now.year, now.month, now.day, 0, now.hour, now.minute, now.second, 0)
        self._board.run(_SET_CLOCK.format(moment=moment), "setting the clock")
        known = [now.year, now.month, now.day, now.hour, now.minute, now.second]
        self._files.put("/state/clock", json.dumps(known).encode())
        self._say(f"clock: {now:%Y-%m-%d %H:%M:%S} UTC")


def _names(paths: list[str]) -> str:
    if not paths:
        return "nothing has changed"
    return ", ".join(path.rsplit("/", 1)[1] for path in paths) + " written"
