"""Chips: keypad matrix, panel, PN532, printer, buzzer, lamps.  Know no payment."""
