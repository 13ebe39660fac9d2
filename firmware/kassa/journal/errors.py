"""What can go wrong with the journal."""

from kassa.system.errors import KassaError


class JournalError(KassaError):
    """The journal cannot do what was asked; the message says why."""


class JournalFull(JournalError):
    """Every slot holds a record that is still needed: nothing was written."""


class JournalTampered(JournalError):
    """The log is not the one this terminal wrote, or an older state of it.  Nothing is written
    until somebody has looked at the report and called `Journal.accept`.
    """
