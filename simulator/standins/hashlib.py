"""`hashlib` as the ESP32 port has it: md5, sha1 and sha256, with `update` and a `digest` that ends
the hash.

There is no `hexdigest`, `copy`, `new`, `name` or `digest_size`, and after `digest()` both methods
raise ValueError (extmod/modhashlib.c).
"""

from cryptography.hazmat.primitives import hashes

__all__ = ["md5", "sha1", "sha256"]


class _Hash:
    _algorithm = None

    def __init__(self, data=b"", /):
        self._context = hashes.Hash(self._algorithm)
        self._final = False
        self.update(data)

    def update(self, data, /):
        """Take more data (anything with the buffer protocol; not a str)."""
        if self._final:
            raise ValueError("hash is final")
        self._context.update(bytes(memoryview(data)))

    def digest(self):
        """The hash of everything taken; the object is of no use afterwards."""
        if self._final:
            raise ValueError("hash is final")
        self._final = True
        return self._context.finalize()


class md5(_Hash):
    _algorithm = hashes.MD5()


class sha1(_Hash):
    _algorithm = hashes.SHA1()


class sha256(_Hash):
    _algorithm = hashes.SHA256()
