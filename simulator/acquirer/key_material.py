"""The sandbox's keys.  They are public: this is a sandbox, and X9.24-3 prints the base key itself.

A real acquirer's base derivation key lives in its hardware security module, and initial keys reach
terminals as key blocks only.
"""

from __future__ import annotations

import hashlib

from simulator.acquirer import dukpt

BASE_KEY = bytes.fromhex("FEDCBA9876543210F1F1F1F1F1F1F1F1")
"""Base derivation key: the one of the examples in X9.24-3 Annex B."""

BASE_KEY_ID = bytes.fromhex("12345678")


def initial_key_id(terminal_id: str) -> bytes:
    """8 bytes: the base key's identifier, then a derivation identifier of the terminal's own."""
    return BASE_KEY_ID + hashlib.sha256(terminal_id.encode()).digest()[:4]


def initial_key(terminal_id: str) -> bytes:
    """What provisioning gives to the terminal's key store."""
    return dukpt.initial_key(BASE_KEY, initial_key_id(terminal_id))
