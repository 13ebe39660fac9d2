"""Kassa's tests; they mirror the tree."""
