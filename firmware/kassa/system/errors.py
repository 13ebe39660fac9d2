"""The root of the firmware's error families.  Each floor derives its own: DriverError, CardError,
HostError ...
"""


class KassaError(Exception):
    """Something outside the program went wrong, in a way the program knows how to answer."""
