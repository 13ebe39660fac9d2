"""Firmware modules without a chip, on the real binary."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from simulator.micropython import ScriptFailed


@pytest.mark.parametrize("mpy", [True, False])
def test_a_script_finds_the_firmware(on_micropython: Callable[..., str], mpy: bool) -> None:
    printed = on_micropython(
        "from kassa.emv import tlv\n"
        "from typing import TYPE_CHECKING\n"
        "import sys\n"
        "print(sys.implementation.name, TYPE_CHECKING, tlv.__file__)\n",
        mpy=mpy,
    )
    assert printed.startswith("micropython False ")
    assert printed.endswith("kassa/emv/tlv.mpy\n" if mpy else "kassa/emv/tlv.py\n")


def test_a_script_that_fails_tells_where(on_micropython: Callable[..., str]) -> None:
    with pytest.raises(ScriptFailed, match=r"(?s)before.*line 2.*ValueError: wrong"):
        on_micropython("print('before')\nraise ValueError('wrong')\n")


def test_a_script_has_no_more_heap_than_it_is_given(on_micropython: Callable[..., str]) -> None:
    hungry = "x = bytearray(200_000)\nprint(len(x))\n"
    assert on_micropython(hungry, heap=300_000) == "200000\n"
    with pytest.raises(ScriptFailed, match="MemoryError"):
        on_micropython(hungry, heap=100_000)


def test_a_script_that_hangs_is_ended(on_micropython: Callable[..., str]) -> None:
    with pytest.raises(TimeoutError, match=r"not done within 0\.5 s"):
        on_micropython("print('on and on')\nwhile True:\n    pass\n", timeout_s=0.5)
