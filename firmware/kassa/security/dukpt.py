"""AES-DUKPT, the terminal's side (ANSI X9.24-3:2017, 6.5 and Annex A): one set of keys a
transaction.

The terminal never keeps the initial key.  It keeps up to 32 intermediate keys, one a counter bit,
and after each transaction replaces the one it used by those below it, so that a terminal that is
opened tells nothing about transactions of the past.  AES-128 derives AES-128.  A key serial number
(KSN) is the 8-byte initial key identifier followed by the 4-byte counter; counters have at most 16
one bits, so about 2.4 thousand million keys come from one initial key.
"""

from micropython import const

from kassa.security import aes
from kassa.security.errors import KeysExhausted
from kassa.system.ensure import ensure

KEY_SIZE = 16
REGISTERS = 32

# Key usage indicators, X9.24-3 Table 5.
PIN_ENCRYPTION = 0x1000
MAC_GENERATION = 0x2000
MAC_VERIFICATION = 0x2001
MAC_BOTH_WAYS = 0x2002
DATA_ENCRYPTION = 0x3000
DATA_DECRYPTION = 0x3001
DATA_BOTH_WAYS = 0x3002

_KEY_DERIVATION = const(0x8000)
_INITIAL_KEY_DERIVATION = const(0x8001)
_AES_128 = const(0x0002)
_BITS = const(0x0080)
_MOST_ONE_BITS = const(16)
# Not const(): they do not fit the chip's 31-bit small integers.
LAST_COUNTER = 0xFFFF0000
_PAST_THE_END = 0xFFFFFFFF


def _derivation_data(usage: int, identity: bytes) -> bytes:
    """X9.24-3 Table 4: version 1, key block 1, usage, algorithm, length in bits, what the key
    belongs to.
    """
    return (
        b"\x01\x01"
        + usage.to_bytes(2, "big")
        + _AES_128.to_bytes(2, "big")
        + _BITS.to_bytes(2, "big")
        + identity
    )


def derive_initial_key(base_key: bytes, initial_key_id: bytes) -> bytes:
    """The initial key of one terminal from a base derivation key (X9.24-3 6.3.2).  Never on a
    terminal in service.
    """
    ensure(len(base_key) == KEY_SIZE and len(initial_key_id) == 8)
    return aes.encrypt_block(base_key, _derivation_data(_INITIAL_KEY_DERIVATION, initial_key_id))


def derive(
    derivation_key: "bytes | bytearray", usage: int, initial_key_id: bytes, counter: int
) -> bytes:
    """A working key, or with the key derivation usage an intermediate key (X9.24-3 6.3.3)."""
    identity = initial_key_id[4:] + counter.to_bytes(4, "big")
    return aes.encrypt_block(derivation_key, _derivation_data(usage, identity))


def one_bits(number: int) -> int:
    """How many bits of `number` are set."""
    count = 0
    while number:
        number &= number - 1
        count += 1
    return count


def lowest_bit(number: int) -> int:
    """The index of the lowest bit set in `number`, which is not 0."""
    index = 0
    while not number & (1 << index):
        index += 1
    return index


def _zero(key: bytearray) -> None:
    for index in range(len(key)):
        key[index] = 0


class TransactionKeys:
    """The keys of one transaction, all under one KSN (12 bytes).  `wipe()` when done.

    data_key, mac_request_key and pin_key are for what the terminal sends; mac_response_key for
    what it receives.
    """

    def __init__(
        self, derivation_key: "bytes | bytearray", initial_key_id: bytes, counter: int
    ) -> None:
        self.ksn = initial_key_id + counter.to_bytes(4, "big")
        self.data_key = bytearray(derive(derivation_key, DATA_ENCRYPTION, initial_key_id, counter))
        self.mac_request_key = bytearray(
            derive(derivation_key, MAC_GENERATION, initial_key_id, counter)
        )
        self.mac_response_key = bytearray(
            derive(derivation_key, MAC_VERIFICATION, initial_key_id, counter)
        )
        self.pin_key = bytearray(derive(derivation_key, PIN_ENCRYPTION, initial_key_id, counter))

    def wipe(self) -> None:
        """Overwrite the keys in memory."""
        self.wipe_request_keys()
        _zero(self.mac_response_key)

    def wipe_request_keys(self) -> None:
        """Overwrite the keys for sending; the one that checks the answer stays."""
        _zero(self.data_key)
        _zero(self.mac_request_key)
        _zero(self.pin_key)


class Registers:
    """The intermediate keys and the counter: all that a terminal keeps (X9.24-3 Annex A)."""

    def __init__(self) -> None:
        self.initial_key_id = bytes(8)
        self.counter = 0  # of the next transaction
        self.in_use = 0  # bit i: register i holds a key
        self.keys = bytearray(REGISTERS * KEY_SIZE)

    def load(self, initial_key: bytes, initial_key_id: bytes) -> None:
        """Start from an initial key, with counter 1 next."""
        ensure(len(initial_key) == KEY_SIZE and len(initial_key_id) == 8)
        self.wipe()
        self.initial_key_id = bytes(initial_key_id)
        self._fill(initial_key, REGISTERS)
        self.counter = 1

    def take(self) -> TransactionKeys:
        """The next transaction's keys; afterwards the registers cannot give them again.
        KeysExhausted at the end.

        The caller makes the registers durable before it lets the keys out of its hands.
        """
        if not self.in_use or self.counter > LAST_COUNTER:
            raise KeysExhausted("every key of this initial key was used; inject a new one")
        register = lowest_bit(self.counter)
        ensure(self.in_use & (1 << register), "a key register is empty")
        start = register * KEY_SIZE
        current = self.keys[start : start + KEY_SIZE]
        keys = TransactionKeys(current, self.initial_key_id, self.counter)
        self._fill(current, register)
        self._erase(register)
        _zero(current)
        self.counter += 1
        # Counters with more than 16 one bits are not used: step over them by their lowest bit.
        while one_bits(self.counter) > _MOST_ONE_BITS:
            register = lowest_bit(self.counter)
            self._erase(register)
            self.counter += 1 << register
        self.counter = min(self.counter, _PAST_THE_END)
        return keys

    def wipe(self) -> None:
        """Forget everything."""
        _zero(self.keys)
        self.in_use = 0
        self.counter = 0
        self.initial_key_id = bytes(8)

    def _fill(self, derivation_key: "bytes | bytearray", registers: int) -> None:
        """Derive the keys below: counter with bit i set goes into register i, for each i under
        `registers`.
        """
        for register in range(registers):
            counter = self.counter | (1 << register)
            start = register * KEY_SIZE
            self.keys[start : start + KEY_SIZE] = derive(
                derivation_key, _KEY_DERIVATION, self.initial_key_id, counter
            )
            self.in_use |= 1 << register

    def _erase(self, register: int) -> None:
        start = register * KEY_SIZE
        self.keys[start : start + KEY_SIZE] = bytes(KEY_SIZE)
        self.in_use &= ~(1 << register)
