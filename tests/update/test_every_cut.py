"""The power fails at every flash operation of an update, and inside each.

Whatever is left then, boot.py starts one whole version, compared here byte for byte with its
image; and the terminal, on again, finishes the update.
"""

from __future__ import annotations

import pytest

from simulator.acquirer.pki import Pki
from tests.deploy.test_every_cut import TORN, Cuts
from tests.update.till import NEW, OLD, Till, version, whole

_AGAIN_EVERY = 7


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    return Pki(tmp_path_factory.mktemp("pki"))


def test_one_whole_version_starts_whenever_the_power_fails(pki: Pki) -> None:
    till = Till(pki, version(1, OLD), version(2, NEW))
    assert till.start() == "/slot_a"
    till.world.root.write_file("/slot_b/kassa/stray.py", b"of long ago")
    cuts = Cuts(till.wiring.flash, len(TORN))
    assert till.update()
    cuts.end()
    ends = set()
    for number, (snapshot, where) in enumerate(cuts.left):
        till.stop()
        till.wiring.flash.restore(snapshot)
        folder = till.start()
        assert folder in ("/slot_a", "/slot_b"), (where, till.world.lines)
        built = till.old if folder == "/slot_a" else till.new
        assert till.in_slot(folder.strip("/")) == whole(built), where
        ends.add(folder)
        if number % _AGAIN_EVERY == 0 and folder == "/slot_a":
            if not till.update():
                continue  # it was offered in the very last moment
            assert till.start() == "/slot_b", where
            assert till.in_slot("slot_b") == whole(till.new), where
    till.stop()
    assert ends == {"/slot_a", "/slot_b"}
    print(f"{len(cuts.left)} cuts in {cuts.operations} operations")
    assert len(cuts.left) > 100
