"""Runs on the board: its parts, made from the board's description as the terminal makes them.

`mount`ed beside the drivers of this very checkout, whatever else is on the board.
"""

# MicroPython, like the firmware:

from board import BOARD
from kassa.drivers import parts
from kassa.drivers.panel import make_panel
from kassa.system.board import Board
from kassa.system.log import Log

board = Board(BOARD)


def panel():
    return make_panel(board)


def reader():
    return parts.make_reader(board, Log())


def keypad():
    return parts.make_keypad(board)


def printer():
    return parts.printer_maker(board)()


def lamps():
    return parts.make_lamps(board)


def buzzer():
    return parts.make_buzzer(board)


def tamper():
    return parts.make_case_switch(board)
