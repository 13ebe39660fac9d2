from __future__ import annotations

import pytest

from simulator.acquirer.acquirer import Acquirer
from tests.acquirer.terminal import NOW, Terminal


@pytest.fixture
def acquirer() -> Acquirer:
    return Acquirer(now=lambda: NOW)


@pytest.fixture
def terminal(acquirer: Acquirer) -> Terminal:
    return Terminal(acquirer)
