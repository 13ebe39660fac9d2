"""The world around the terminal, on CPython: chips, cards, acquirer, bench and web page."""
