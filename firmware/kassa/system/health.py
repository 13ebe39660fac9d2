"""How the chip is: figures that tell of trouble before it comes.  Each call asks anew.

Heap. `free_bytes` is what may still be allocated, in however many pieces; on the ESP32 it counts
what the heap could grow by.  `largest_block` is the largest single piece, which matters more: a
heap in crumbs fails long before it is full.  MicroPython tells it nowhere but on the console, so
it is tried out.
"""

import gc
import os

import esp32
from micropython import const

_STEP = const(1024)
SOUGHT = const(65_536)
"""`largest_block` looks no further: nothing in the firmware wants more in one piece."""

BLOCK_LIFE = 100_000
"""Erases that a flash block lives for, by the data sheets of the usual chips."""


def free_bytes() -> int:
    """Bytes of MicroPython's heap that are free after a collection."""
    gc.collect()
    return gc.mem_free()


def largest_block() -> int:
    """The largest piece that can be allocated, in whole KiB and at most SOUGHT bytes.

    Takes seven trials.  The ESP32's heap grows for a trial and shrinks again with the collection
    that ends it: call it when nothing else needs memory.
    """
    low, high = 0, min(SOUGHT, free_bytes()) // _STEP
    while low < high:
        middle = (low + high + 1) // 2
        if _fits(middle * _STEP):
            low = middle
        else:
            high = middle - 1
    gc.collect()
    return low * _STEP


def _fits(size: int) -> bool:
    try:
        bytearray(size)
    except MemoryError:
        return False
    return True


def system_heap() -> "tuple[int, int]":
    """(free bytes, largest block) of ESP-IDF's own heap, which Wi-Fi and TLS live from."""
    free = largest = 0
    for region in esp32.idf_heap_info(esp32.HEAP_DATA):
        free += region[1]
        largest = max(largest, region[2])
    return free, largest


def temperature_c() -> "int | None":
    """Degrees Celsius inside the chip; None where it has no sensor.  The classic ESP32's is not
    calibrated: its changes tell something, its value little."""
    tell = getattr(esp32, "mcu_temperature", None)
    if tell is not None:
        return tell()
    tell = getattr(esp32, "raw_temperature", None)
    return None if tell is None else (tell() - 32) * 5 // 9


def flash_free_bytes(path: str = "/") -> int:
    """Free bytes of the file system at `path`.  Raises OSError."""
    facts = os.statvfs(path)
    return facts[0] * facts[3]
