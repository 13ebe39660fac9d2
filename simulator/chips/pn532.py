"""NXP PN532, the contactless reader, as its host sees it, and the air.

Sources: UM0701-02 (user manual, firmware 1.6), PN532/C1 product data sheet.

The dialogue (UM0701-02 section 6.2.2): the host sends a command frame, the chip acknowledges it,
carries it out and answers.  A damaged frame is not acknowledged.  A NACK from the host brings the
last response again, an ACK stops the command that runs, a new command takes the place of an old
one.  P70_IRQ is low while a frame waits. After reset the chip sleeps in low battery mode: its
link wakes it, SAMConfiguration makes it a reader.

    reader = Pn532(clock, "spi", irq=irq_line, reset=reset_line)
    reader.present(card); reader.remove(card)
    reader.faults.next("response", "flip")          see simulator.chips.pn532_faults
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from simulator.chips.buses import Line, UartWire
from simulator.chips.pn532_commands import SAM_CONFIGURATION, Commands, SyntaxRefused
from simulator.chips.pn532_faults import Faults
from simulator.chips.pn532_link import (
    ACK,
    SYNTAX_ERROR,
    HostFrames,
    HsuLink,
    I2cLink,
    SpiLink,
    information_frame,
)
from simulator.chips.pn532_rf import Air, Airtime, ExchangeListener
from simulator.clock import NS_PER_MS, NS_PER_US, Clock, Timer

_OSCILLATOR_NS = 2 * NS_PER_MS  # data sheet: from the wake-up condition to a running chip
_ACK_NS = 400 * NS_PER_US  # from a command to its ACK; the manual allows the chip 15 ms
_RESPONSE_NS = 250 * NS_PER_US  # the chip's own work on each command
_SLEEP_NS = NS_PER_MS  # from the PowerDown response to sleep, UM0701-02 section 7.2.11
_WAKE_UP_BITS = {"hsu": 0x10, "spi": 0x20, "i2c": 0x80}


class Pn532(SpiLink, I2cLink, HsuLink):
    """One PN532 with its antenna.

    transport    "spi", "i2c" or "hsu": how its interface pins are strapped
    irq          P70_IRQ, if wired: driven by the chip
    reset        RSTPDN, if wired: low holds the chip off, the module pulls it up
    faults       what to do wrong, see `simulator.chips.pn532_faults`
    firmware     what GetFirmwareVersion says, (0x32, 1, 6, 7) for the PN532 with firmware 1.6
    commands     codes of the commands carried out since power-on, for tests
    """

    uart: UartWire

    def __init__(
        self,
        clock: Clock,
        transport: str,
        irq: Line | None = None,
        reset: Line | None = None,
        seed: int = 0,
    ) -> None:
        if transport not in _WAKE_UP_BITS:
            raise ValueError(f"PN532: no such transport: {transport}")
        self.transport = transport
        self.faults = Faults(seed, self.reset)
        self.commands: list[int] = []
        self._clock = clock
        self._irq = irq
        self._reset_line = reset
        self._air = Air(clock, self._take_rf_error)
        self._set = Commands(self._air)
        self._heard = HostFrames()
        self._timer: Timer | None = None
        self._last_response: bytes | None = None
        self.reset()
        if reset is not None:
            reset.pull(self, 1)
            reset.listen(self._reset_moved)

    # What the bench does with it.

    @property
    def field_on(self) -> bool:
        return self._air.on

    @property
    def firmware(self) -> tuple[int, int, int, int]:
        return self._set.firmware

    @firmware.setter
    def firmware(self, version: tuple[int, int, int, int]) -> None:
        self._set.firmware = version

    @property
    def on_field(self) -> Callable[[bool], None] | None:
        """Called with True or False when the field comes or goes."""
        return self._air.on_field

    @on_field.setter
    def on_field(self, listener: Callable[[bool], None] | None) -> None:
        self._air.on_field = listener

    @property
    def on_exchange(self) -> ExchangeListener | None:
        """Called after each APDU with (command, response or None when lost, start_ns, end_ns)."""
        return self._air.on_exchange

    @on_exchange.setter
    def on_exchange(self, listener: ExchangeListener | None) -> None:
        self._air.on_exchange = listener

    @property
    def cards(self) -> list[Any]:
        """The cards held to the reader."""
        return [contact.card for contact in self._air.contacts]

    def present(self, card: Any) -> None:
        """Hold `card` to the reader; `simulator.chips.pn532_contact` says what it must offer."""
        self._air.present(card)

    def remove(self, card: Any = None) -> None:
        """Take `card` away, or all of them."""
        self._air.remove(card)

    def reset(self) -> None:
        """The state after power-on: asleep in low battery mode, field off, nothing set."""
        self._stop()
        self._heard.clear()
        self._awake_ns: int | None = None
        self._last_response = None
        self._outgoing: bytes | None = None
        self._after_fetch: Callable[[], None] | None = None
        self._busy_until_ns = 0
        self.faults.hung = False
        self._set.reset()
        self._drive_irq()

    # Power: reset line, sleep, wake-up.

    def _reset_moved(self, level: int) -> None:
        if not level:
            self.reset()

    @property
    def _powered(self) -> bool:
        held = self._reset_line is not None and not self._reset_line.level
        return not self.faults.absent and not held

    @property
    def answering(self) -> bool:
        awake = self._awake_ns is not None and self._clock.now_ns >= self._awake_ns
        return self._powered and awake and not self.faults.hung

    @property
    def acknowledging_address(self) -> bool:
        return self._clock.now_ns >= self._busy_until_ns

    @property
    def floating_level(self) -> int:
        return self.faults.floating

    def rouse(self) -> bool:
        enabled = self._set.wake_up_sources & _WAKE_UP_BITS[self.transport]
        if self._powered and self._awake_ns is None and enabled:
            self._awake_ns = self._clock.now_ns + _OSCILLATOR_NS
            self._heard.clear()
        return self.answering

    def _fall_asleep(self) -> None:
        self._set.sleep_requested = False
        self._awake_ns = None

    # Frames from the host.

    def hear_start(self) -> None:
        self._heard.clear()

    def hear(self, data: bytes) -> None:
        for kind, payload in self._heard.feed(data):
            if kind == "ack":
                self._stop()
            elif kind == "nack":
                self._stop()
                if (again := self._last_response) is not None:
                    self._later(_ACK_NS, lambda frame=again: self._offer("response", frame))
            elif self.faults.apply("command", ACK) == (ACK, 0):
                self._begin(payload)

    def _begin(self, command: bytes) -> None:
        self._stop()
        self._last_response = None
        self._busy_until_ns = self._clock.now_ns + _ACK_NS
        self._later(_ACK_NS, lambda: self._acknowledge(command))

    def _acknowledge(self, command: bytes) -> None:
        self._offer("ack", ACK, lambda: self._carry_out(command))

    def _carry_out(self, command: bytes) -> None:
        if self.faults.hung:
            return
        self.commands.append(command[0])
        self._step(self._respond(command))

    def _respond(self, command: bytes) -> Airtime[None]:
        yield _RESPONSE_NS
        try:
            response = information_frame((yield from self._set.run(command)))
        except SyntaxRefused:
            response = SYNTAX_ERROR
        self._last_response = response
        self._offer("response", response, self._after_response)
        if command[0] == SAM_CONFIGURATION:
            self._drive_irq()

    def _after_response(self) -> None:
        if self._set.sleep_requested:
            self._later(_SLEEP_NS, self._fall_asleep)

    def _step(self, work: Airtime[None]) -> None:
        """Go on with a command until it next has to wait."""
        try:
            pause_ns = next(work)
        except StopIteration:
            return
        self._later(pause_ns, lambda: self._step(work))

    def _later(self, delay_ns: int, call: Callable[[], None]) -> None:
        self._timer = self._clock.call_later(delay_ns, call)

    def _stop(self) -> None:
        """Abort the command that runs; a frame that waits is dropped."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._outgoing = None
        self._after_fetch = None
        self._drive_irq()

    # Frames to the host.

    @property
    def outgoing(self) -> bytes | None:
        return self._outgoing

    def _offer(self, kind: str, frame: bytes, then: Callable[[], None] | None = None) -> None:
        """Let the host have `frame`; `then` follows once it has it."""
        if self.faults.hung:
            return
        travelling, late_ns = self.faults.apply(kind, frame)
        if late_ns:
            self._later(late_ns, lambda: self._hand_over(travelling, then))
        else:
            self._hand_over(travelling, then)

    def _hand_over(self, frame: bytes, then: Callable[[], None] | None) -> None:
        if not frame:
            if then:
                then()
            return
        if self.transport == "hsu":
            wire_ns = self.uart_send(frame)
            if then:
                self._later(wire_ns, then)
            return
        self._outgoing = frame
        self._after_fetch = then
        self._drive_irq()

    def fetched(self) -> None:
        then = self._after_fetch
        self._outgoing = None
        self._after_fetch = None
        self._drive_irq()
        if then:
            then()

    def _drive_irq(self) -> None:
        if self._irq is not None:
            used = self._set.irq_used and not self.faults.irq_broken
            self._irq.drive(self, 0 if used and self._outgoing is not None else 1)

    def _take_rf_error(self) -> bool:
        """Whether the answer of a card that just arrived is damaged."""
        if self.faults.rf_errors <= 0:
            return False
        self.faults.rf_errors -= 1
        return True
