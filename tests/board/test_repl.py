"""The console of the virtual board, byte by byte: what a terminal program and a person see."""

from __future__ import annotations

import os
import select
import time
from collections.abc import Iterator

import pytest

from simulator.board_thread import BoardThread
from simulator.chips.mcu import SOFT_RESET


class Terminal:
    """A terminal program: keys go in, what the board says comes out."""

    def __init__(self, port: str) -> None:
        self._file = os.open(port, os.O_RDWR | os.O_NOCTTY)

    def close(self) -> None:
        os.close(self._file)

    def type(self, keys: bytes) -> None:
        os.write(self._file, keys)

    def until(self, ending: bytes, within_s: float = 15) -> bytes:
        """What comes, up to `ending`."""
        said, end_s = b"", time.monotonic() + within_s
        while not said.endswith(ending):
            ready, _, _ = select.select([self._file], [], [], max(0, end_s - time.monotonic()))
            assert ready, f"no {ending!r}, but {said!r}"
            said += os.read(self._file, 1)
        return said

    def until_quiet(self, quiet_s: float = 0.3) -> None:
        """Read what comes until nothing comes."""
        while select.select([self._file], [], [], quiet_s)[0]:
            os.read(self._file, 1)

    def say(self, keys: bytes, ending: bytes = b">>> ") -> bytes:
        self.type(keys)
        return self.until(ending)


@pytest.fixture
def terminal(board: BoardThread) -> Iterator[Terminal]:
    """At the friendly prompt."""
    assert board.until(lambda: board.board.console.said.endswith(b">>> "))
    terminal = Terminal(board.pty())
    terminal.say(b"\r")
    terminal.until_quiet()  # what came before it, on a busy computer
    terminal.type(b"\x02")
    terminal.until(b'Type "help()" for more information.\r\n>>> ')
    yield terminal
    terminal.close()
    board.do(board.board.unplug)


def test_the_friendly_prompt_shows_values(terminal: Terminal) -> None:
    assert terminal.say(b"6 * 7\r") == b"6 * 7\r\n42\r\n>>> "


def test_the_banner_names_interpreter_and_board(terminal: Terminal) -> None:
    greeting = terminal.say(b"\x02")
    assert b"\r\nMicroPython " in greeting and b"with ESP32S3\r\n" in greeting


def test_a_block_goes_on_until_an_empty_line(terminal: Terminal) -> None:
    said = terminal.say(b"for n in range(2):\r    print(n)\r\r")
    assert said.endswith(b"\r\n... \r\n0\r\n1\r\n>>> ")


def test_brackets_and_triple_quotes_go_on_in_the_next_line(terminal: Terminal) -> None:
    assert terminal.say(b"[1,\r2]\r").endswith(b"[1, 2]\r\n>>> ")
    assert terminal.say(b"'''a\rb'''\r").endswith(b"'a\\nb'\r\n>>> ")
    assert terminal.say(b"'(' # [\r").endswith(b"'('\r\n>>> ")


def test_a_line_can_be_edited(terminal: Terminal) -> None:
    left, home, back = b"\x1b[D", b"\x1b[H", b"\x7f"
    said = terminal.say(b"12x" + back + b"4" + left + b"3" + home + b"5+\r")
    assert said.endswith(b"\r\n1239\r\n>>> ")  # 5+1234


def test_the_line_before_comes_back(terminal: Terminal) -> None:
    terminal.say(b"'once'\r")
    assert terminal.say(b"\x1b[A\r").endswith(b"\r\n'once'\r\n>>> ")


def test_letters_of_several_bytes_are_deleted_as_one(terminal: Terminal) -> None:
    typed = "print('aé\x7fü')\r".encode()
    assert terminal.say(typed).endswith("\r\naü\r\n>>> ".encode())


def test_pasted_lines_are_one_program(terminal: Terminal) -> None:
    terminal.say(b"\x05", b"=== ")
    terminal.say(b"if True:\r", b"=== ")
    assert terminal.say(b"  print('pasted')\r\x04").endswith(b"pasted\r\n>>> ")
    terminal.say(b"\x05", b"=== ")
    assert terminal.say(b"print('not run')\x03") == b"print('not run')\r\n>>> "


def test_ctrl_c_empties_the_line(terminal: Terminal) -> None:
    assert terminal.say(b"1 / 0\x03") == b"1 / 0\r\n>>> "


def test_ctrl_c_ends_an_endless_loop(terminal: Terminal) -> None:
    terminal.say(b"while True: pass\r", b"... ")
    terminal.type(b"\r")
    time.sleep(0.2)
    assert b"KeyboardInterrupt: \r\n" in terminal.say(b"\x03")
    assert terminal.say(b"1+1\r").endswith(b"2\r\n>>> ")


def test_a_program_may_catch_ctrl_c_and_go_on(terminal: Terminal) -> None:
    terminal.say(b"import time\r")
    program = b"try: time.sleep(30)\rexcept KeyboardInterrupt: print('caught')\r\r"
    terminal.type(program)
    time.sleep(0.3)
    assert terminal.say(b"\x03", b"caught\r\n>>> ")
    assert terminal.say(b"time.sleep_ms(50)\r") == b"time.sleep_ms(50)\r\n>>> "


def test_ctrl_c_is_a_byte_like_any_other_when_the_program_says_so(terminal: Terminal) -> None:
    terminal.say(b"import sys, micropython\r")
    terminal.say(
        b"micropython.kbd_intr(-1); print('re' + 'ady'); "
        b"sys.stdin.buffer.read(3); micropython.kbd_intr(3)\r",
        b"ready\r\n",
    )
    assert terminal.say(b"a\x03b").startswith(b"b'a\\x03b'\r\n")


def test_input_asks(terminal: Terminal) -> None:
    terminal.say(b"name = input('who? ')\r", b"who? ")
    terminal.say(b"Ada\r")
    assert terminal.say(b"name\r").endswith(b"'Ada'\r\n>>> ")


def test_text_gets_carriage_returns_and_bytes_do_not(terminal: Terminal) -> None:
    terminal.say(b"import sys\r")
    text = terminal.say(b"print('a\\nb'); _ = sys.stdout.write('c\\n')\r")
    assert text.endswith(b"\r\na\r\nb\r\nc\r\n>>> ")
    data = terminal.say(b"print('x'); _ = sys.stdout.buffer.write(b'a\\nb\\r\\n'); print('y')\r")
    assert data.endswith(b"\r\nx\r\na\nb\r\ny\r\n>>> ")


def test_ctrl_d_restarts_and_runs_boot_py_and_main_py(
    board: BoardThread, terminal: Terminal
) -> None:
    terminal.say(b"f = open('boot.py', 'w'); _ = f.write('print(\"boot\")'); f.close()\r")
    terminal.say(b"f = open('main.py', 'w'); _ = f.write('print(\"main\")'); f.close()\r")
    said = terminal.say(b"\x04")
    assert said.startswith(b"\r\nMPY: soft reboot\r\nboot\r\nmain\r\nMicroPython ")
    assert board.board.starts[-1] == SOFT_RESET
    terminal.say(b"f = open('boot.py', 'w'); _ = f.write('1/0'); f.close()\r")
    said = terminal.say(b"\x04")
    assert b'\r\n  File "boot.py", line 1, in <module>\r\nZeroDivisionError' in said
    assert b"main" not in said
    terminal.say(b"import os; os.remove('boot.py'); os.remove('main.py')\r")


def test_what_is_typed_during_a_soft_reset_is_not_lost(terminal: Terminal) -> None:
    said = terminal.say(b"\x04'typed ahead'\r", b"'typed ahead'\r\n>>> ")
    assert b"MPY: soft reboot" in said


def test_leaving_a_program_is_a_soft_reset(terminal: Terminal) -> None:
    assert b"MPY: soft reboot\r\n" in terminal.say(b"raise SystemExit\r")


def test_the_raw_repl_answers_as_documented(terminal: Terminal) -> None:
    assert terminal.say(b"\x01", b"\r\n>") == b"\r\nraw REPL; CTRL-B to exit\r\n>"
    assert terminal.say(b"print(1)\x04", b">") == b"OK1\r\n\x04\x04>"
    error = terminal.say(b"nothing\x04", b"\x04>")
    assert error.startswith(b"OK\x04Traceback") and error.endswith(b"defined\r\n\x04>")
    assert terminal.say(b"\x04", b"CTRL-B to exit\r\n>").startswith(b"OK\r\nMPY: soft reboot\r\n")
    terminal.say(b"\x02")


def test_raw_paste_asks_for_window_after_window(terminal: Terminal) -> None:
    terminal.say(b"\x01", b"\r\n>")
    assert terminal.say(b"\x05A\x01", b"R\x01\x80\x00\x01") == b"R\x01\x80\x00\x01"
    source = b"print('" + b"x" * 128 + b"')"
    terminal.type(source[:128])
    assert terminal.until(b"\x01") == b"\x01"
    terminal.type(source[128:] + b"\x04")
    assert terminal.until(b"\x04>") == b"\x04" + b"x" * 128 + b"\r\n\x04\x04>"
    assert terminal.say(b"\x05B\x01", b">") == b"R\x00>"
    terminal.say(b"\x02")
