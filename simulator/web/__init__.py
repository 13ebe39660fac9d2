"""The terminal in a browser: one bench, any number of pages that look at it."""
