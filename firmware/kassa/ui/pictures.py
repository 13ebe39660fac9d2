"""The code points under which the picture font (`pictures.kf`) keeps our drawings.

The drawings themselves are made by `host_tools/pictures.py`.
"""

DISC_8 = 0xE000
DISC_12 = 0xE001
DISC_16 = 0xE002
DISC_20 = 0xE003
DISC_24 = 0xE004
DISC_72 = 0xE005
DISC_88 = 0xE006

CHECK = 0xE010
CROSS = 0xE011
MINUS = 0xE012
EXCLAMATION = 0xE013
AGAIN = 0xE014
CARD_OUT = 0xE015
ONE_CARD = 0xE016
OTHER_CARD = 0xE017
PHONE = 0xE018
RECEIPT = 0xE019
PAPER = 0xE01A
NO_NETWORK = 0xE01B
TOOL = 0xE01C
WAVES = 0xE01D

TAP = 0xE020

KEY_CANCEL = 0xE030
KEY_CLEAR = 0xE031
KEY_ENTER = 0xE032

DISCS = {8: DISC_8, 12: DISC_12, 16: DISC_16, 20: DISC_20, 24: DISC_24, 72: DISC_72, 88: DISC_88}
"""Discs by diameter in pixels; also the corners of round boxes (radius = half of it)."""
