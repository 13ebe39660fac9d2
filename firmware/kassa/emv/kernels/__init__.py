"""The kernels, one a scheme, by the number EMVCo gave them (Book A, table 3-4).

A kernel has `async run(tap) -> Outcome` and `async issuer_update(tap, answer) -> None`; it raises
nothing that a card can bring about.
"""

from typing import TYPE_CHECKING

from kassa.emv.errors import ConfigError

if TYPE_CHECKING:
    from typing import Protocol

    from kassa.emv.outcome import Outcome
    from kassa.emv.tap import Tap

    class Kernel(Protocol):
        async def run(self, tap: Tap) -> Outcome: ...
        async def issuer_update(
            self, tap: Tap, answer: dict[int, bytes], scripts: list[bytes]
        ) -> None: ...


def create(number: int) -> "Kernel":
    """Kernel `number`; only what the configuration names is loaded.  ConfigError if there is
    none."""
    if number == 2:
        from kassa.emv.kernels.kernel2 import Kernel2

        return Kernel2()
    if number == 3:
        from kassa.emv.kernels.kernel3 import Kernel3

        return Kernel3()
    raise ConfigError("kernel {} is not built in".format(number))
