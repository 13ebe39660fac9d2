"""Runs before main.py: full clock speed, since the stock firmware starts most boards at 160 MHz,
and a heap that is kept in one piece.
"""

import gc

import machine

machine.freq(240_000_000)
# Collect often: what stays lies close together, so that the large buffers find room, and no import
# meets a heap that is full to the last byte.
gc.threshold(65536)
