"""The kernels, one a scheme, by the number EMVCo gave them (Book A, table 3-4).

A kernel has `async run(tap) -> Outcome` and `async issuer_update(tap, answer) -> None`; it raises
nothing that a card can bring about.  Only what the configuration names is loaded.

    2  Mastercard, EMV mode                  GENERATE AC, CDA, torn transactions
    3  Visa, qVSDC                           one GET PROCESSING OPTIONS, fDDA
    4  American Express, Expresspay EMV mode GENERATE AC, CDA or SDA, mobile verification
    5  JCB, EMV mode                         GENERATE AC, CDA                     experimental
    6  Discover and Diners, D-PAS EMV mode   one GET PROCESSING OPTIONS, CDA      experimental
    7  UnionPay, QuickPass                   as kernel 3

Experimental: written from what is public, not confirmed by anybody's cards yet; a configuration
must say `experimental = true` to have one.  Mag-stripe mode exists in none of them.  Relay
resistance (kernel 2) is off unless configured: a PN532 is not timed well enough to trust it.
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
    if number == 4:
        from kassa.emv.kernels.kernel4 import Kernel4

        return Kernel4()
    if number == 5:
        from kassa.emv.kernels.kernel5 import Kernel5

        return Kernel5()
    if number == 6:
        from kassa.emv.kernels.kernel6 import Kernel6

        return Kernel6()
    if number == 7:
        from kassa.emv.kernels.kernel7 import Kernel7

        return Kernel7()
    raise ConfigError("kernel {} is not built in".format(number))
