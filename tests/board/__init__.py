"""The virtual board, with the real mpremote."""
