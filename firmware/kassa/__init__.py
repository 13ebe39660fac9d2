"""Kassa, an open contactless payment terminal: the firmware.

Floors, imports run downwards only: app > payment, ui > emv, host, journal > security, drivers >
system.
"""
