"""The bench as the page uses it: in the wall's time, with everything that may go wrong told."""

from __future__ import annotations

import asyncio

import pytest

from simulator.bench import Bench
from simulator.chips.buses import DataSheetViolation


def test_a_data_sheet_disregarded_ends_the_waiting_in_real_time() -> None:
    async def play() -> None:
        async with Bench(runtime="cpython", realtime=True) as bench:

            def disregard() -> None:
                raise DataSheetViolation("ST7789: clocked while RESX is low")

            bench.clock.call_later(0, disregard)
            with pytest.raises(DataSheetViolation, match="RESX"):
                await bench.wait(5)
            await bench.cut_power()
            await bench.power_on()
            assert bench.screen.name == "welcome"

    asyncio.run(play())
