"""Screens, type and pictures, languages, receipts as layout.  Knows no transaction logic."""
