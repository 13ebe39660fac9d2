from __future__ import annotations

import pytest

from simulator.acquirer.pki import Pki
from tests.host.bench import HostBench


@pytest.fixture(scope="session")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    return Pki(tmp_path_factory.mktemp("pki"))


@pytest.fixture
def bench(pki: Pki) -> HostBench:
    return HostBench(pki)
