"""The chip and its MicroPython: what Kassa takes for granted of both."""

from __future__ import annotations

import pytest

from tests.device.bench import Bench

_OLDEST = (1, 24)


def test_mpremote_reaches_the_board(device: Bench) -> None:
    assert device.mpremote("exec", "print(6 * 7)").strip() == "42"


def test_the_chip_is_the_boards(device: Bench) -> None:
    platform, machine = device.run(
        "import os, sys\nprint((sys.platform, os.uname().machine.lower().replace('-', '')))"
    )
    assert platform == "esp32"
    chip = device.board["chip"]
    assert machine.endswith(chip) or f"{chip} " in machine, machine


def test_micropython_is_new_enough_and_reads_our_bytecode(device: Bench) -> None:
    version, bytecode = device.run(
        "import sys\nprint((tuple(sys.implementation.version[:2]), sys.implementation._mpy & 255))"
    )
    assert version >= _OLDEST
    assert bytecode == 6


def test_the_epoch_and_the_numbers_are_those_of_an_esp32(device: Bench) -> None:
    epoch, largest = device.run("import sys, time\nprint((time.gmtime(0)[0], sys.maxsize))")
    assert epoch == 2000
    assert largest == 2**31 - 1


def test_the_heap_has_room_for_a_terminal(device: Bench) -> None:
    free = device.run("import gc\ngc.collect()\nprint(gc.mem_free())")
    assert free > (500_000 if device.board["psram"]["size_mib"] else 60_000), f"{free} bytes"


def test_the_hash_and_the_cipher_give_the_published_answers(device: Bench) -> None:
    digest, block = device.run(
        "import hashlib, cryptolib\n"
        "aes = cryptolib.aes(bytes(range(16)), 1)\n"
        "block = bytes(n * 17 for n in range(16))\n"
        "print((hashlib.sha256(b'abc').digest(), aes.encrypt(block)))"
    )
    # FIPS 180-4, example; FIPS 197, appendix C.1
    assert digest.hex().startswith("ba7816bf8f01cfea414140de5dae2223")
    assert block.hex() == "69c4e0d86a7b0430d8cdb78070b4c55a"


def test_the_clock_and_the_ticks_run_alike(device: Bench) -> None:
    seconds, ticks_ms = device.run(
        "import machine, time\n"
        "clock = machine.RTC()\n"
        "def now():\n"
        "    d = clock.datetime()\n"
        "    return ((d[4] * 60 + d[5]) * 60 + d[6]) * 1_000_000 + d[7]\n"
        "began, ticks = now(), time.ticks_ms()\n"
        "time.sleep_ms(1_200)\n"
        "print(((now() - began) % 86_400_000_000, time.ticks_diff(time.ticks_ms(), ticks)))"
    )
    assert 1_200 <= ticks_ms < 2_000
    assert seconds / 1_000 == pytest.approx(ticks_ms, abs=100)


def test_the_radio_goes_on_and_makes_numbers_random(device: Bench) -> None:
    mac, one, other, networks = device.run(
        "import network, os\n"
        "wlan = network.WLAN(network.WLAN.IF_STA)\n"
        "wlan.active(True)\n"
        "print((wlan.config('mac'), os.urandom(32), os.urandom(32), len(wlan.scan())))\n"
    )
    assert len(mac) == 6 and any(mac)
    assert one != other
    assert networks >= 0
