"""A host for the PN532 model, bare: it clocks bytes into the chip's links without an ESP32
between.
"""

from __future__ import annotations

from simulator.chips.buses import Line
from simulator.chips.pn532 import Pn532
from simulator.chips.pn532_link import ACK, information_frame
from simulator.clock import NS_PER_MS, VirtualClock

STEP_NS = 20_000
SAM = bytes.fromhex("140114 01".replace(" ", ""))


def mirrored(data: bytes) -> bytes:
    """Each byte with its bits reversed: least significant bit first."""
    return bytes(int(f"{value:08b}"[::-1], 2) for value in data)


class Host:
    """Sends commands over `transport` and waits in virtual time."""

    def __init__(self, transport: str = "spi", reset: bool = False) -> None:
        self.clock = VirtualClock()
        self.irq = Line("IRQ")
        self.reset_line = Line("RSTPDN")
        self.chip = Pn532(
            self.clock, transport, irq=self.irq, reset=self.reset_line if reset else None, seed=1
        )
        self.transport = transport
        self.baudrate = 115_200
        self.heard = bytearray()
        self.chip.uart = self

    # The far end of the serial line.

    def send(self, data: bytes) -> None:
        self.heard += data

    # One link each.

    def spi(self, data: bytes) -> bytes:
        self.chip.select()
        answer = mirrored(self.chip.transfer(mirrored(data)))
        self.chip.deselect()
        return answer

    def wake(self) -> None:
        if self.transport == "spi":
            self.chip.select()
            self.clock.spend(3 * NS_PER_MS)
            self.chip.deselect()
        elif self.transport == "i2c":
            self.chip.i2c_read(1)
        else:
            self.chip.uart_receive(b"\x55\x55")
        self.clock.spend(3 * NS_PER_MS)

    def write(self, frame: bytes) -> None:
        if self.transport == "spi":
            self.spi(b"\x01" + frame)
        elif self.transport == "i2c":
            while self.chip.i2c_write(frame) is None:
                self.clock.spend(STEP_NS)
        else:
            self.heard.clear()
            self.chip.uart_receive(frame)

    def ready(self) -> bool:
        if self.transport == "spi":
            return self.spi(b"\x02\x00")[1] == 1
        if self.transport == "i2c":
            return self.chip.i2c_read(1) == b"\x01"
        return bool(self.heard)

    def fetch(self, count: int = 280) -> bytes:
        if self.transport == "spi":
            return self.spi(b"\x03" + bytes(count))[1:]
        if self.transport == "i2c":
            return (self.chip.i2c_read(count + 1) or b"")[1:]
        data = bytes(self.heard[:count])
        del self.heard[: len(data)]
        return data

    def wait(self, limit_ms: float = 5_000) -> bool:
        """Until a frame is there; False when none comes."""
        end_ns = self.clock.now_ns + int(limit_ms * NS_PER_MS)
        while self.clock.now_ns < end_ns:
            if self.ready():
                return True
            self.clock.spend(STEP_NS)
        return False

    # The dialogue.

    def begin(self, command: bytes) -> None:
        """Send a command and take its ACK."""
        self.write(information_frame(command, 0xD4))
        assert self.wait(15), "no ACK"
        assert self.fetch(6) == ACK

    def answer(self, limit_ms: float = 5_000) -> bytes:
        """The frame that comes, without what follows it."""
        assert self.wait(limit_ms), "no answer"
        frame = self.fetch()
        if frame[3:5] == b"\xff\xff":
            return frame[: 10 + (frame[5] << 8 | frame[6])]
        return frame[: 7 + frame[3]]

    def command(self, command: str | bytes, limit_ms: float = 5_000) -> bytes:
        """Carry out a command; the answer's code and parameters, b"" for a syntax error frame."""
        self.begin(bytes.fromhex(command) if isinstance(command, str) else command)
        frame = self.answer(limit_ms)
        if frame == bytes.fromhex("0000ff01ff7f8100"):
            return b""
        body = frame[8:-2] if frame[3:5] == b"\xff\xff" else frame[5:-2]
        assert frame == information_frame(body[1:]), "the frame itself is wrong"
        return body[1:]

    def timed(self, command: str | bytes) -> tuple[bytes, float]:
        """Answer and milliseconds."""
        start_ns = self.clock.now_ns
        answer = self.command(command)
        return answer, (self.clock.now_ns - start_ns) / NS_PER_MS

    def set_up(self) -> Host:
        """Awake, in normal mode, field on, two milliseconds a poll ... ready for cards."""
        self.wake()
        assert self.command(SAM) == b"\x15"
        assert self.command("320101") == b"\x33"
        assert self.command("3205ff0100") == b"\x33"
        self.clock.spend(6 * NS_PER_MS)
        return self
