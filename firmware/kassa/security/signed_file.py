"""Files that are only used when their signature is right.

The signature stands in a file of its own: RSASSA-PSS over SHA-256 of the whole file, 3072 bits,
32 bytes of salt.  Whose signatures count says the signer's file, which is put there when the
terminal is provisioned:

    {"key_id": "0123456789ABCDEF", "modulus": "<768 hexadecimal digits>", "exponent": "010001"}
"""

import hashlib
import json
import os
from typing import TYPE_CHECKING

from kassa.security import signature
from kassa.security.errors import BadSignature

if TYPE_CHECKING:
    from typing import Any

SIGNER = "/config/signer.json"
_MODULUS_BYTES = 384
_EXPONENT = 65537
_EXPONENT_TEXT = "010001"
_CHUNK = 512


class Signer:
    """A public key (`key_id`, `modulus`) whose signatures this terminal accepts."""

    def __init__(self, key_id: str, modulus: bytes) -> None:
        self.key_id = key_id
        self.modulus = modulus

    def check(self, path: str, signature_path: str) -> None:
        """Return when `signature_path` holds this signer's signature over the file `path`; raises
        BadSignature, which names the file."""
        found = digest(path)
        signed = _read(signature_path, _MODULUS_BYTES + 1)
        try:
            signature.verify(found, signed, self.modulus, _EXPONENT)
        except BadSignature as error:
            raise BadSignature("{}: {}".format(signature_path, error))


def load(path: str = SIGNER) -> Signer:
    """The signer in a file; BadSignature when there is none or it is no key of ours."""
    try:
        found = json.loads(_read(path, 4096))
        return _signer(found)
    except (ValueError, TypeError, KeyError):
        raise BadSignature(path + ": not a signer's key; provision the terminal again")


def _signer(source: "dict[str, Any]") -> Signer:
    """Raises ValueError, TypeError or KeyError for what is no 3072-bit key."""
    modulus = bytes.fromhex(source["modulus"])
    key_id = source["key_id"]
    if (
        source["exponent"] != _EXPONENT_TEXT
        or len(modulus) != _MODULUS_BYTES
        or not isinstance(key_id, str)
    ):
        raise ValueError
    return Signer(key_id, modulus)


def find(path: str, signature_path: str) -> str:
    """The path of a signed document that this version of the firmware brings, or else this
    terminal was provisioned with.  Raises BadSignature.

    path, signature_path: absolute, as on a terminal without slots.
    """
    folder = os.getcwd().rstrip("/")
    try:
        os.stat(folder + path)
    except OSError:
        folder = ""
    load().check(folder + path, folder + signature_path)
    return folder + path


def digest(path: str) -> bytes:
    """SHA-256 of a file, read in pieces."""
    hashed, chunk = hashlib.sha256(), bytearray(_CHUNK)
    view = memoryview(chunk)
    try:
        with open(path, "rb") as file:
            count = file.readinto(chunk)
            while count:
                hashed.update(view[:count])
                count = file.readinto(chunk)
    except OSError:
        raise BadSignature(path + " is missing; provision the terminal")
    return hashed.digest()


def _read(path: str, most: int) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read(most)
    except OSError:
        raise BadSignature(path + " is missing; provision the terminal")
