"""A script for the real MicroPython: the journal on a partition in memory.

`SETUP` defines `Partition`, `Memory` (the anchor) and `Quiet` (the log), and nothing else.
"""

SETUP = """
import gc
from kassa.journal.anchor import Anchor
from kassa.journal.journal import Journal
from kassa.journal.sealed import Sealer

class Partition:
    def __init__(self, size):
        self.memory = bytearray(size)
        for at in range(size):
            self.memory[at] = 0xFF
        self.view = memoryview(self.memory)
    def readblocks(self, block, buffer, offset=0):
        start = block * 4096 + offset
        buffer[:] = self.view[start : start + len(buffer)]
    def writeblocks(self, block, data, offset):
        start = block * 4096 + offset
        for at in range(len(data)):
            assert self.memory[start + at] & data[at] == data[at], "not erased"
            self.memory[start + at] = data[at]
    def ioctl(self, op, argument):
        if op == 6:
            for at in range(argument * 4096, argument * 4096 + 4096):
                self.memory[at] = 0xFF
            return 0
        return len(self.memory) // 4096 if op == 4 else 4096

class Memory(Anchor):
    content = None
    def load(self):
        return self.content
    def save(self, value):
        self.content = list(value)

class Quiet:
    def event(self, at, what, **facts):
        pass
    def trouble(self, at, what, error, **facts):
        raise error

KEY = bytes(range(16))
anchor = Memory()

def start(partition):
    journal = Journal(partition, Sealer(KEY), anchor, Quiet())
    journal.open()
    return journal
"""

FULL_LOG = """
partition = Partition(256 * 1024)
journal = start(partition)
while journal.free_slots > 15:
    journal.append(1, b"\\x5a" * 190)
"""

SCAN = """
def scan(free):
    gc.collect()
    ballast = None
    while gc.mem_free() > free:
        ballast = (bytearray(min(2048, max(16, gc.mem_free() - free - 64))), ballast)
    count = 0
    try:
        journal = start(partition)
        for record in journal.records():
            assert record.payload == b"\\x5a" * 190
            count += 1
    except MemoryError:
        return 0
    assert journal.report.quarantined_count == 0
    return count
"""
