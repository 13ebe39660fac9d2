"""The PN532's commands: what each parameter means and what comes back (UM0701-02 section 7).

A handler is a generator that yields nanoseconds to wait and returns the parameters of the
response.  Parameters the manual does not allow raise `SyntaxRefused`: the chip answers with its
syntax error frame (section 6.2.1.5). Commands that a payment terminal has no use for are known by
name and not modelled.
"""

from __future__ import annotations

from collections.abc import Callable

from simulator.chips.pn532_rf import (
    INVALID_TARGET,
    MORE,
    TYPE_A,
    TYPE_B,
    Air,
    Airtime,
    Target,
)

DIAGNOSE, FIRMWARE_VERSION, GENERAL_STATUS = 0x00, 0x02, 0x04
SET_PARAMETERS, SAM_CONFIGURATION, POWER_DOWN = 0x12, 0x14, 0x16
RF_CONFIGURATION = 0x32
DATA_EXCHANGE, DESELECT, LIST_PASSIVE_TARGET, RELEASE, SELECT = 0x40, 0x44, 0x4A, 0x52, 0x54

_NOT_MODELLED = {
    0x06: "ReadRegister",
    0x08: "WriteRegister",
    0x0C: "ReadGPIO",
    0x0E: "WriteGPIO",
    0x10: "SetSerialBaudRate",
    0x42: "InCommunicateThru",
    0x46: "InJumpForPSL",
    0x4E: "InPSL",
    0x50: "InATR",
    0x56: "InJumpForDEP",
    0x58: "RFRegulationTest",
    0x60: "InAutoPoll",
    0x86: "TgGetData",
    0x88: "TgGetInitiatorCommand",
    0x8A: "TgGetTargetStatus",
    0x8C: "TgInitAsTarget",
    0x8E: "TgSetData",
    0x90: "TgResponseToInitiator",
    0x92: "TgSetGeneralBytes",
    0x94: "TgSetMetaData",
}
_ITEM_LENGTHS = {0x01: 1, 0x02: 3, 0x04: 1, 0x05: 3, 0x0A: 11, 0x0B: 8, 0x0C: 3, 0x0D: 9}
_AUTOMATIC_RATS = 0x10
_SELF_TEST_NS = 2_000_000


class SyntaxRefused(Exception):
    """The command or its parameters are not what the manual allows."""


class Commands:
    """The command interpreter; keeps what the commands set.

    firmware         (IC, version, revision, support) of GetFirmwareVersion
    configured       SAMConfiguration has ended the low battery mode (section 7.2.10)
    irq_used         P70_IRQ is driven
    wake_up_sources  after PowerDown: bit 4 HSU, 5 SPI, 7 I2C
    sleep_requested  PowerDown was answered: the chip goes to sleep a millisecond later
    """

    def __init__(self, air: Air) -> None:
        self.air = air
        self.firmware: tuple[int, int, int, int] = (0x32, 0x01, 0x06, 0x07)
        self._handlers: dict[int, Callable[[bytes], Airtime[bytes]]] = {
            DIAGNOSE: self._diagnose,
            FIRMWARE_VERSION: self._firmware_version,
            GENERAL_STATUS: self._general_status,
            SET_PARAMETERS: self._set_parameters,
            SAM_CONFIGURATION: self._sam_configuration,
            POWER_DOWN: self._power_down,
            RF_CONFIGURATION: self._rf_configuration,
            DATA_EXCHANGE: self._data_exchange,
            DESELECT: self._deselect,
            LIST_PASSIVE_TARGET: self._list_passive_target,
            RELEASE: self._release,
            SELECT: self._select,
        }
        self.reset()

    def reset(self) -> None:
        """Back to the state after power-on."""
        self.configured = False
        self.irq_used = True
        self.wake_up_sources = 0xFF
        self.sleep_requested = False
        self._last_error = 0x00
        self.air.switch(False)
        self.air.defaults()

    def run(self, command: bytes) -> Airtime[bytes]:
        """Carry out `command` (code and parameters); the response's code and parameters."""
        code, parameters = command[0], command[1:]
        if code in _NOT_MODELLED:
            raise NotImplementedError(f"PN532 model: {_NOT_MODELLED[code]} is not modelled")
        if code not in self._handlers:
            raise SyntaxRefused
        if not self.configured and code >= RF_CONFIGURATION:
            raise SyntaxRefused  # low battery mode: nothing on the air before SAMConfiguration
        response = yield from self._handlers[code](parameters)
        return bytes([code + 1]) + response

    # Miscellaneous, section 7.2.

    def _diagnose(self, parameters: bytes) -> Airtime[bytes]:
        test, rest = _split(parameters, 1)
        if test[0] == 0x00:
            return parameters
        if test[0] in (0x01, 0x02) and not rest:
            yield _SELF_TEST_NS
            return b"\x00"
        if test[0] == 0x06 and not rest:
            if not self.air.targets:
                return bytes([INVALID_TARGET])
            return bytes([(yield from self._noted(self.air.attention(self.air.targets[0])))])
        if test[0] in (0x04, 0x05, 0x07):
            raise NotImplementedError(f"PN532 model: Diagnose test {test[0]:02x} is not modelled")
        raise SyntaxRefused

    def _firmware_version(self, parameters: bytes) -> Airtime[bytes]:
        _exactly(parameters, 0)
        return bytes(self.firmware)
        yield

    def _general_status(self, parameters: bytes) -> Airtime[bytes]:
        _exactly(parameters, 0)
        targets = self.air.targets
        listed = b"".join(bytes([t.number, 0x00, 0x00, 0x00]) for t in targets)
        return bytes([self._last_error, int(self.air.on), len(targets)]) + listed + b"\x00"
        yield

    def _set_parameters(self, parameters: bytes) -> Airtime[bytes]:
        _exactly(parameters, 1)
        self.air.automatic_rats = bool(parameters[0] & _AUTOMATIC_RATS)
        return b""
        yield

    def _sam_configuration(self, parameters: bytes) -> Airtime[bytes]:
        if not 1 <= len(parameters) <= 3 or not 1 <= parameters[0] <= 4:
            raise SyntaxRefused
        if parameters[0] != 1:
            raise NotImplementedError("PN532 model: there is no security module, only normal mode")
        self.irq_used = len(parameters) < 3 or parameters[2] == 0x01
        self.configured = True
        return b""
        yield

    def _power_down(self, parameters: bytes) -> Airtime[bytes]:
        if not 1 <= len(parameters) <= 2:
            raise SyntaxRefused
        self.wake_up_sources = parameters[0]
        self.sleep_requested = True
        self.air.switch(False)
        return b"\x00"
        yield

    # The air, sections 7.3.1 and following.

    def _rf_configuration(self, parameters: bytes) -> Airtime[bytes]:
        item, values = _split(parameters, 1)
        if len(values) != _ITEM_LENGTHS.get(item[0], -1):
            raise SyntaxRefused
        if item[0] == 0x01:
            self.air.switch(bool(values[0] & 0x01))
        elif item[0] == 0x04:
            self.air.exchange_retries = values[0]
        elif item[0] == 0x05:
            self.air.activation_retries = values[2]
        return b""
        yield

    def _list_passive_target(self, parameters: bytes) -> Airtime[bytes]:
        limits, initiator_data = _split(parameters, 2)
        most, kind = limits
        if kind not in (TYPE_A, TYPE_B):
            if kind in (0x01, 0x02, 0x04):
                raise NotImplementedError(f"PN532 model: BrTy {kind:02x} is not modelled")
            raise SyntaxRefused
        if most not in (1, 2) or (kind == TYPE_B and not 1 <= len(initiator_data) <= 2):
            raise SyntaxRefused
        if kind == TYPE_A and initiator_data:
            raise NotImplementedError("PN532 model: polling for one known UID is not modelled")
        targets = yield from self.air.list_targets(most, kind)
        return bytes([len(targets)]) + b"".join(bytes([t.number]) + t.data for t in targets)

    def _data_exchange(self, parameters: bytes) -> Airtime[bytes]:
        target, data = _split(parameters, 1)
        if target[0] & ~(MORE | 0x03):
            raise SyntaxRefused
        exchange = self.air.exchange(target[0] & 0x03, data, bool(target[0] & MORE))
        status, response = yield from exchange
        self._last_error = status & 0x3F
        return bytes([status]) + response

    def _deselect(self, parameters: bytes) -> Airtime[bytes]:
        chosen = self._chosen(parameters)
        yield from self.air.deselect(chosen)
        return bytes([0x00 if chosen else INVALID_TARGET])

    def _release(self, parameters: bytes) -> Airtime[bytes]:
        chosen = self._chosen(parameters)
        yield from self.air.deselect(chosen)
        self.air.targets = [t for t in self.air.targets if t not in chosen]
        return bytes([0x00 if chosen or parameters[0] == 0 else INVALID_TARGET])

    def _select(self, parameters: bytes) -> Airtime[bytes]:
        chosen = self._chosen(parameters)
        if len(chosen) != 1:
            return bytes([INVALID_TARGET])
        return bytes([(yield from self._noted(self.air.select(chosen[0])))])

    def _chosen(self, parameters: bytes) -> list[Target]:
        _exactly(parameters, 1)
        return self.air.chosen(parameters[0])

    def _noted(self, work: Airtime[int]) -> Airtime[int]:
        """Remembers the status for GetGeneralStatus."""
        self._last_error = yield from work
        return self._last_error


def _split(parameters: bytes, count: int) -> tuple[bytes, bytes]:
    if len(parameters) < count:
        raise SyntaxRefused
    return parameters[:count], parameters[count:]


def _exactly(parameters: bytes, count: int) -> None:
    if len(parameters) != count:
        raise SyntaxRefused
