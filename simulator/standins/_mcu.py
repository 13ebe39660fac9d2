"""How the device modules reach the chip in this process: a plain call.

`call(operation, *arguments)` does one operation of `simulator.chips.mcu.Mcu`; `on_irq(source,
handler)` has `handler(level)` called, as a soft interrupt, whenever that source of interrupts
fires.
"""

from __future__ import annotations

from collections.abc import Callable

from simulator.standins.seam import here

call = here.operate


def on_irq(source: int, handler: Callable[[int], None] | None) -> None:
    """Sources are GPIO numbers, TIMER_IRQ + timer number, UART_IRQ + UART number
    (simulator.chips.mcu).
    """
    here.handlers[source] = handler


__all__ = ["call", "on_irq"]
