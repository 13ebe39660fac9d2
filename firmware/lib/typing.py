"""The little of `typing` that annotated firmware needs on MicroPython, which has none.

Type checkers and CPython use the real module; this one is on the device's path only.
"""

TYPE_CHECKING = False
