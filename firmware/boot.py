"""Runs before main.py: full clock speed, since the stock firmware starts most boards at
160 MHz.
"""

import machine

machine.freq(240_000_000)
