"""Chips at bus level: each behaves as its data sheet says and refuses what the data sheet
forbids.
"""
