"""`cryptolib` as the ESP32 port has it: AES in ECB and CBC, nothing else.

Keys of 16 or 32 bytes, modes 1 (ECB) and 2 (CBC) without names for them, one direction an object,
output into a new `bytes` or into a given buffer, which may be the input itself.  A CBC object
chains from call to call.  Errors are those of extmod/modcryptolib.c, in its order.
"""

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

__all__ = ["aes"]

_ECB = 1
_CBC = 2
_BLOCK = 16


class aes:  # the name MicroPython gives it
    """One AES key in one mode, used in one direction."""

    def __init__(self, key, mode, IV=None, /):
        if mode not in (_ECB, _CBC):
            raise ValueError("mode")
        key = bytes(memoryview(key))
        if len(key) not in (16, 32):
            raise ValueError("key")
        if IV is not None:
            IV = bytes(memoryview(IV))
            if len(IV) != _BLOCK:
                raise ValueError("IV")
        elif mode == _CBC:
            raise ValueError("IV")
        self._cipher = Cipher(algorithms.AES(key), modes.ECB() if mode == _ECB else modes.CBC(IV))
        self._context = None
        self._encrypts = False

    def encrypt(self, in_buf, *out_buf):
        """Encrypt whole blocks; returns new bytes, or `out_buf` filled."""
        return self._process(in_buf, out_buf, True)

    def decrypt(self, in_buf, *out_buf):
        """Decrypt whole blocks; returns new bytes, or `out_buf` filled."""
        return self._process(in_buf, out_buf, False)

    def _process(self, in_buf, out_buf, encrypts):
        if len(out_buf) > 1:
            raise TypeError(f"function expected at most 3 arguments, got {2 + len(out_buf)}")
        data = bytes(memoryview(in_buf))
        if len(data) % _BLOCK:
            raise ValueError("blksize % 16")
        target = None
        if out_buf:
            target = memoryview(out_buf[0])
            if target.readonly:
                raise TypeError("object with buffer protocol required")
            if len(target) < len(data):
                raise ValueError("output too small")
        if self._context is None:
            self._encrypts = encrypts
            self._context = self._cipher.encryptor() if encrypts else self._cipher.decryptor()
        elif self._encrypts != encrypts:
            raise ValueError("can't encrypt & decrypt")
        result = self._context.update(data)
        if target is None:
            return result
        target[: len(result)] = result
        return out_buf[0]
