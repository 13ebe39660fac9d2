"""`esp32`: partitions, non-volatile storage and the chip's temperature.

Runs on CPython and on MicroPython alike.
"""

from _mcu import call as _call

__all__ = ("HEAP_DATA", "HEAP_EXEC", "NVS", "Partition", "idf_heap_info")

HEAP_EXEC = 1
HEAP_DATA = 4

_NATIVE_BLOCK = 4096
_IOCTL_INIT = 1
_IOCTL_DEINIT = 2
_IOCTL_SYNC = 3
_IOCTL_BLOCK_COUNT = 4
_IOCTL_BLOCK_SIZE = 5
_IOCTL_BLOCK_ERASE = 6

_NVS_INVALID_LENGTH = -0x110C


class Partition:
    """A part of the flash by its label, or the one that boots (BOOT) or runs (RUNNING)."""

    BOOT = 0
    RUNNING = 1
    TYPE_APP = 0
    TYPE_DATA = 1

    def __init__(self, id, block_size=4096):
        self._take(_call("partition_get", id), block_size)

    def _take(self, info, block_size):
        if block_size <= 0 or _NATIVE_BLOCK % block_size:
            raise ValueError("block size must divide 4096")
        self._info = tuple(info)
        self._address = info[2]
        self._size = info[3]
        self._block = block_size

    @staticmethod
    def find(type=0, subtype=0xFF, label=None, block_size=4096):
        """Every partition of this type (and subtype, and label)."""
        found = []
        for info in _call("partition_find", type, subtype, label):
            partition = Partition(info[4], block_size)
            found.append(partition)
        return found

    def info(self):
        """(type, subtype, address, size, label, encrypted)"""
        return self._info

    def readblocks(self, block_num, buf, offset=0):
        """Fill `buf` from a block on."""
        data = _call(
            "partition_read",
            self._address,
            self._size,
            block_num * self._block + offset,
            len(buf),
        )
        memoryview(buf)[:] = data

    def writeblocks(self, block_num, buf, offset=None):
        """Program `buf`.  Without `offset` whole blocks, which are erased first; with it (0 too)
        nothing is erased.
        """
        start = block_num * self._block
        data = bytes(buf)
        if offset is not None:
            self._program(start + offset, data)
            return
        # A block smaller than the flash's own takes its neighbours through the erase.
        first = start // _NATIVE_BLOCK * _NATIVE_BLOCK
        end = start + len(data)
        last = (end + _NATIVE_BLOCK - 1) // _NATIVE_BLOCK * _NATIVE_BLOCK
        if first != start:
            data = _call("partition_read", self._address, self._size, first, start - first) + data
        if last != end:
            data = data + _call("partition_read", self._address, self._size, end, last - end)
        _call("partition_erase", self._address, self._size, first, last - first)
        self._program(first, data)

    def _program(self, offset, data):
        _call("partition_program", self._address, self._size, offset, data)

    def ioctl(self, op, arg=0):
        """The block device protocol: 4 number of blocks, 5 their size, 6 erase one."""
        if op in (_IOCTL_INIT, _IOCTL_DEINIT, _IOCTL_SYNC):
            return 0
        if op == _IOCTL_BLOCK_COUNT:
            return self._size // self._block
        if op == _IOCTL_BLOCK_SIZE:
            return self._block
        if op == _IOCTL_BLOCK_ERASE:
            if self._block != _NATIVE_BLOCK:
                return -22
            _call("partition_erase", self._address, self._size, arg * self._block, self._block)
            return 0
        return None

    def __eq__(self, other):
        return isinstance(other, Partition) and self._info == other._info

    def __hash__(self):
        return self._address


class NVS:
    """Numbers and blobs under keys of at most 15 characters in a namespace."""

    def __init__(self, namespace):
        self._namespace = namespace

    def get_i32(self, key):
        return _call("nvs_get_i32", self._namespace, key)

    def set_i32(self, key, value):
        if not -0x80000000 <= value <= 0x7FFFFFFF:
            raise OverflowError("overflow converting long int to machine word")
        _call("nvs_set_i32", self._namespace, key, value)

    def get_blob(self, key, buffer):
        """Copy a blob into `buffer`; its length."""
        blob = _call("nvs_get_blob", self._namespace, key)
        if len(blob) > len(buffer):
            raise OSError(_NVS_INVALID_LENGTH)
        memoryview(buffer)[: len(blob)] = blob
        return len(blob)

    def set_blob(self, key, value):
        _call("nvs_set_blob", self._namespace, key, bytes(value))

    def erase_key(self, key):
        _call("nvs_erase_key", self._namespace, key)

    def commit(self):
        _call("nvs_commit", self._namespace)


def idf_heap_info(capabilities):
    """(bytes, free, largest free block, least ever free) of each region of ESP-IDF's own heap."""
    return list(_call("idf_heap", capabilities))


if _call("chip") == "esp32":

    def raw_temperature():
        """Degrees Fahrenheit inside the chip, not calibrated."""
        return _call("temperature") * 9 // 5 + 32

    __all__ += ("raw_temperature",)
else:

    def mcu_temperature():
        """Degrees Celsius inside the chip."""
        return _call("temperature")

    __all__ += ("mcu_temperature",)
