"""Real mpremote against the virtual board, command by command."""

from __future__ import annotations

import hashlib
import random
import time
from pathlib import Path

import pytest

from simulator.board_thread import BoardThread
from simulator.chips.mcu import HARD_RESET, SOFT_RESET
from tests.board.conftest import Mpremote

# All 256 bytes, and those that a console might take for its own.
AWKWARD = random.Random(5).randbytes(2000) + bytes((3, 4, 1, 2, 5, 10, 13, 0x18)) * 20


def test_exec_prints_and_succeeds(mpremote: Mpremote) -> None:
    assert mpremote("exec", "print(6 * 7)") == "42\n"


def test_exec_fails_with_the_traceback_of_a_board(mpremote: Mpremote) -> None:
    answer = mpremote.run("exec", "1 / 0")
    assert answer.status == 1
    assert answer.out.strip().splitlines() == [
        "Traceback (most recent call last):",
        '  File "<stdin>", line 1, in <module>',
        "ZeroDivisionError: divide by zero",
    ]


def test_a_syntax_error_is_told_as_a_board_tells_it(mpremote: Mpremote) -> None:
    answer = mpremote.run("exec", "a b")
    assert answer.status == 1
    assert answer.out.strip().splitlines() == [
        "Traceback (most recent call last):",
        '  File "<stdin>", line 1',
        "SyntaxError: invalid syntax",
    ]


def test_eval_gives_a_value(mpremote: Mpremote) -> None:
    assert mpremote("eval", "'a' + 'b'") == "ab\n"


def test_the_board_says_that_it_is_an_esp32(mpremote: Mpremote) -> None:
    printed = mpremote(
        "exec",
        "import sys, os, esp32, network, machine\n"
        "print(sys.platform, os.uname().sysname, sys.implementation._build, sys.maxsize)\n"
        "print(hasattr(os, 'system'), hasattr(sys, 'executable'), 'start_board' in sys.modules)",
    )
    assert printed == "esp32 esp32 ESP32_GENERIC_S3 2147483647\nFalse False False\n"


def test_run_runs_a_file_of_the_computer(mpremote: Mpremote) -> None:
    (mpremote.folder / "hello.py").write_text("for n in range(3):\n    print('line', n)\n")
    assert mpremote("run", "hello.py") == "line 0\nline 1\nline 2\n"


def test_files_go_there_and_come_back(mpremote: Mpremote) -> None:
    (mpremote.folder / "there").write_bytes(AWKWARD)
    mpremote("fs", "cp", "there", ":/copy.bin")
    assert f"{len(AWKWARD)} copy.bin" in mpremote("fs", "ls")
    assert hashlib.sha256(AWKWARD).hexdigest() in mpremote("fs", "sha256sum", ":/copy.bin")
    mpremote("fs", "cp", ":/copy.bin", "back")
    assert (mpremote.folder / "back").read_bytes() == AWKWARD
    mpremote("fs", "rm", ":/copy.bin")
    assert "copy.bin" not in mpremote("fs", "ls")
    missing = mpremote.run("fs", "cat", ":/copy.bin")
    assert missing.status == 1 and "No such file" in missing.err


def test_folders_are_copied_shown_and_removed(mpremote: Mpremote) -> None:
    (mpremote.folder / "tree" / "inner").mkdir(parents=True)
    (mpremote.folder / "tree" / "a.txt").write_text("a")
    (mpremote.folder / "tree" / "inner" / "b.txt").write_text("b")
    mpremote("fs", "cp", "-r", "tree", ":/")
    shown = mpremote("fs", "tree", ":/tree")
    assert "inner" in shown and "b.txt" in shown
    assert mpremote("fs", "cat", ":/tree/inner/b.txt") == "b"
    mpremote("fs", "rm", "-r", ":/tree")
    assert "tree" not in mpremote("fs", "ls")


def test_the_file_system_is_as_large_as_the_partition(
    board: BoardThread, mpremote: Mpremote
) -> None:
    vfs = board.board.wiring.partition("vfs")
    assert str(vfs["size"]) in mpremote("df")


def test_a_folder_of_the_computer_is_mounted(mpremote: Mpremote) -> None:
    (mpremote.folder / "module.py").write_text("ANSWER = 42\n")
    (mpremote.folder / "data.bin").write_bytes(AWKWARD)
    program = (
        "import module\n"
        "data = open('data.bin', 'rb').read()\n"
        "with open('copy.bin', 'wb') as copy:\n"
        "    copy.write(data)\n"
        "print(module.ANSWER, len(data))"
    )
    printed = mpremote("mount", ".", "exec", program)
    assert printed.endswith(f"42 {len(AWKWARD)}\n")
    assert (mpremote.folder / "copy.bin").read_bytes() == AWKWARD


def test_mip_installs_a_local_package(mpremote: Mpremote) -> None:
    (mpremote.folder / "package.json").write_text(
        '{"urls": [["thing/__init__.py", "thing.py"]], "version": "1"}'
    )
    (mpremote.folder / "thing.py").write_text("NAME = 'a thing'\n")
    mpremote("mip", "install", "package.json")
    assert mpremote("exec", "import thing; print(thing.NAME)") == "a thing\n"


def test_the_clock_is_set_and_read(mpremote: Mpremote) -> None:
    mpremote("rtc", "--set")
    told = mpremote("rtc")
    year, month, day = (int(part) for part in told.strip("()\n").split(",")[:3])
    today = time.localtime()
    assert (year, month, day) == (today.tm_year, today.tm_mon, today.tm_mday)


def test_a_soft_reset_forgets_variables_and_keeps_the_clock(
    board: BoardThread, mpremote: Mpremote
) -> None:
    mpremote(
        "resume", "exec", "kept = 5; import machine; machine.RTC().datetime((2031,1,2,0,3,4,5,0))"
    )
    assert mpremote("resume", "exec", "print(kept)") == "5\n"
    mpremote("soft-reset")
    assert mpremote("resume", "exec", "print('kept' in globals())") == "False\n"
    assert "(2031, 1, 2" in mpremote("resume", "rtc")
    assert board.board.starts[-1] == SOFT_RESET


def test_a_soft_reset_from_the_raw_repl_runs_boot_py_and_not_main_py(mpremote: Mpremote) -> None:
    (mpremote.folder / "boot.py").write_text("booted = True\n")
    (mpremote.folder / "main.py").write_text("ran = True\n")
    mpremote("fs", "cp", "boot.py", "main.py", ":/")
    assert mpremote("exec", "print('booted' in globals(), 'ran' in globals())") == "True False\n"
    mpremote("fs", "rm", ":/main.py")


def test_reset_restarts_the_chip_and_runs_main_py(board: BoardThread, mpremote: Mpremote) -> None:
    (mpremote.folder / "main.py").write_text("import machine\ncause = machine.reset_cause()\n")
    mpremote("fs", "cp", "main.py", ":/")
    starts = len(board.board.starts)
    mpremote("reset")
    assert board.until(lambda: len(board.board.starts) > starts)
    assert board.until(lambda: board.board.console.said.endswith(b">>> "))
    assert mpremote("resume", "exec", "print(cause)") == f"{HARD_RESET}\n"
    mpremote("fs", "rm", ":/main.py")


PROGRAMS = {
    "sleeps": "import time\nprint('up')\ntime.sleep(60)\n",
    "waits in asyncio": (
        "import asyncio\nasync def wait():\n    await asyncio.sleep(60)\n"
        "print('up')\nasyncio.run(wait())\n"
    ),
    "computes": "print('up')\nn = 0\nwhile True:\n    n += 1\n",
    "asks the chip": "import machine\nprint('up')\nwhile True:\n    machine.unique_id()\n",
    "reads the file system": "print('up')\nwhile True:\n    open('/main.py').read()\n",
    "writes files": (
        "print('up')\nwhile True:\n    with open('/x', 'w') as f:\n        f.write('y' * 3000)\n"
    ),
    "has a pin interrupt": (
        "import asyncio\nfrom machine import Pin\n"
        "Pin(4, Pin.IN, Pin.PULL_UP).irq(lambda pin: None, Pin.IRQ_FALLING)\n"
        "async def wait():\n    await asyncio.sleep(60)\n"
        "print('up')\nasyncio.run(wait())\n"
    ),
}


@pytest.mark.parametrize("what", PROGRAMS)
def test_mpremote_stops_a_main_py_that(what: str, board: BoardThread, mpremote: Mpremote) -> None:
    (mpremote.folder / "main.py").write_text(PROGRAMS[what])
    mpremote("fs", "cp", "main.py", ":/")
    said: list[bytes] = []
    board.board.console.on_output[:] = [said.append]
    board.do(board.board.press_reset)
    assert board.until(lambda: b"up\r\n" in b"".join(said))
    assert "main.py" in mpremote("fs", "ls")
    assert b"KeyboardInterrupt: \r\n" in b"".join(said)
    mpremote("fs", "rm", ":/main.py")


def test_a_tcp_port_serves_as_well(board: BoardThread, tmp_path: Path) -> None:
    mpremote = Mpremote(board.tcp(), tmp_path)
    (tmp_path / "there").write_bytes(AWKWARD)
    mpremote("fs", "cp", "there", ":/copy.bin")
    assert hashlib.sha256(AWKWARD).hexdigest() in mpremote("fs", "sha256sum", ":/copy.bin")
    mpremote("fs", "rm", ":/copy.bin")
