"""The same firmware on the real MicroPython binary."""
