"""A newer version over the network: bytes fetched, flash written and erased, virtual time.

From the first look at the server until the version is ready to be started; idle slot empty,
network with 150 ms round trip.  Network and flash take their time; hashing does not, which costs
the chip about a second more for each time that it reads all of a version.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from host_tools import mpy
from host_tools.build import Built
from simulator.acquirer.pki import Pki
from simulator.clock import NS_PER_MS
from tests.benchmarks.result import Against, Result
from tests.deploy import images
from tests.update.till import Till, served

_CHANGED = "kassa/app/sale.py"


def over_the_network() -> list[Result]:
    """The real firmware with one module changed, and with every file changed."""
    old = images.whole("0.1.0+1")
    with tempfile.TemporaryDirectory(prefix="kassa-") as folder:
        firmware = Path(shutil.copytree(mpy.FIRMWARE, Path(folder) / "firmware"))
        with (firmware / _CHANGED).open("a") as module:
            module.write("\n_ANOTHER = print\n")
        one = images.whole("0.1.0+2", firmware=firmware)
        other = {path: content + b"\n" for path, content in images.part(old, "files").items()}
        certificates = Pki(Path(folder) / "pki")
        results = []
        for name, new in (("one_module", one), ("whole", images.small("0.1.0+2", other))):
            results += _update(name, old, new, certificates)
    return results


def _update(name: str, old: Built, new: Built, certificates: Pki) -> list[Result]:
    till = Till(certificates, old, new)
    assert till.start() == "/slot_a"
    image = Against("whole image, bytes", sum(map(len, served(new).values())))
    flash, clock = till.wiring.flash, till.wiring.clock
    before, start = flash.counters - type(flash.counters)(), clock.now_ns
    assert till.update()
    spent, took_ms = flash.counters - before, (clock.now_ns - start) / NS_PER_MS
    assert till.start() == "/slot_b"
    till.stop()
    return [
        Result(f"update.{name}_{what}", round(value), unit, "cpython", against)
        for what, value, unit, against in (
            ("fetched_bytes", till.server.sent, "bytes", image),
            ("flash_written_bytes", spent.programmed_bytes, "bytes", image),
            ("flash_erased_bytes", spent.erased_bytes, "bytes", image),
            ("ms", took_ms, "virtual ms of network and flash", None),
        )
    ]
