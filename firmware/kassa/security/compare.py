"""Comparing secrets without telling by the clock where they differ."""


def equal(
    ours: "bytes | bytearray | memoryview", theirs: "bytes | bytearray | memoryview"
) -> bool:
    """Whether two byte strings are the same; the time taken depends on the length only."""
    difference = len(ours) ^ len(theirs)
    for mine, other in zip(ours, theirs):
        difference |= mine ^ other
    return difference == 0
