"""Invariants that hold in every build (an `assert` may be compiled out)."""


class InvariantError(Exception):
    """A programming error: something that cannot be, was."""


def ensure(condition: object, message: str = "") -> None:
    """Raise InvariantError unless `condition` is true.  `message` must hold no card data and no
    key.
    """
    if not condition:
        raise InvariantError(message)
