"""The flash: an append-only sealed log, and its replay."""
