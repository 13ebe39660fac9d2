"""Versions of the firmware, and which of two is newer.

`0.1.0+1795389410.d989acf6a1b2` is release 0.1.0 at the commit of that second (UTC, Unix time) with
that name; more parts may follow.  Commit times order what was built between two releases.
"""


def order(version: str) -> "tuple[int, int, int, int]":
    """What versions are compared by: (0, 1, 0, 1795389410).  Raises ValueError for what is no
    version.
    """
    release, plus, rest = version.partition("+")
    numbers = [int(part) for part in release.split(".")]
    stamp, dot, name = rest.partition(".")
    if len(numbers) != 3 or min(numbers) < 0 or (dot and not name):
        raise ValueError(version)
    if plus and not stamp.isdigit():
        raise ValueError(version)
    return numbers[0], numbers[1], numbers[2], int(stamp) if plus else 0
