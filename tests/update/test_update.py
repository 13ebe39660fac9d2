"""A newer version comes over the network, whatever the network does; a wrong one is refused."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from host_tools.image_check import MANIFEST, SIGNATURE
from simulator.acquirer.pki import Pki
from simulator.clock import NS_PER_S
from tests.benchmarks import update
from tests.update.till import NEW, OLD, WITHIN_S, Till, version, whole

Make = Callable[..., Till]


@pytest.fixture(scope="session")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    return Pki(tmp_path_factory.mktemp("pki"))


@pytest.fixture
def make(pki: Pki) -> Iterator[Make]:
    tills: list[Till] = []

    def make(new: Any = None) -> Till:
        till = Till(pki, version(1, OLD), version(2, NEW) if new is None else new)
        tills.append(till)
        assert till.start() == "/slot_a"
        return till

    yield make
    for till in tills:
        till.stop()


def test_a_newer_version_is_fetched_and_started_next(make: Make) -> None:
    till = make()
    assert till.update()
    assert till.in_slot("slot_b") == whole(till.new)
    assert till.start() == "/slot_b"


def test_what_the_running_version_has_is_not_fetched(make: Make) -> None:
    till = make()
    till.update()
    asked = [path for path, _ in till.server.requests]
    assert "files/kassa/a.py" not in asked
    assert asked == [SIGNATURE, MANIFEST, "files/kassa/c.py", "files/main.py"]


def test_who_waits_for_it_need_not_go_away_first(make: Make) -> None:
    """A technician at the terminal asks: that ends every pause, also of what is under way."""
    till = make()
    till.idle = False
    updater = till.updater()
    assert till.world is not None
    asyncio = till.world.load("asyncio")
    quietly = asyncio.create_task(updater.once())
    till.world.run_until(lambda: False, till.world.clock.now_ns + 60 * NS_PER_S)
    assert not quietly.done()
    assert till.world.run(updater.now(), WITHIN_S)
    assert till.in_slot("slot_b") == whole(till.new)
    till.world.run_until(quietly.done, till.world.clock.now_ns + 10 * NS_PER_S)
    assert till.world.run(result(quietly), 1)
    # It is there: asking once more fetches nothing again, and is no failure.
    asked = len(till.server.requests)
    assert till.world.run(updater.now(), WITHIN_S) and len(till.server.requests) == asked
    assert till.start() == "/slot_b"


async def result(task: Any) -> Any:
    return await task


def test_the_same_version_is_no_news(make: Make) -> None:
    till = make(version(1, OLD))
    assert not till.update()
    assert till.in_slot("slot_b") == {}


def test_a_version_on_trial_is_not_overwritten(make: Make) -> None:
    till = make()
    till.update()
    assert till.start() == "/slot_b"
    assert not till.update()
    assert till.in_slot("slot_a") == whole(till.old)


def test_a_version_that_did_not_come_up_is_not_fetched_again(make: Make) -> None:
    till = make()
    till.update()
    assert [till.start() for _ in range(4)] == ["/slot_b"] * 3 + ["/slot_a"]
    with pytest.raises(Exception, match="was tried here and did not come up"):
        till.update()


def test_it_waits_while_somebody_is_served(make: Make) -> None:
    till = make()
    till.idle = False
    task = till.world.load("asyncio").create_task(till.updater().once())
    till.world.run_until(task.done, till.wiring.clock.now_ns + 120 * 10**9)
    assert not task.done()
    assert "files/main.py" not in [path for path, _ in till.server.requests]
    till.idle = True
    assert till.world.run_until(task.done, till.wiring.clock.now_ns + 120 * 10**9)
    assert till.in_slot("slot_b") == whole(till.new)


def test_a_connection_that_breaks_anywhere_is_gone_on_from(make: Make) -> None:
    till = make()
    for cut in range(0, 14_000, 700):
        till.server.cut_after = cut
        try:
            if till.update():
                break
        except till.world.load("kassa.host.download").DownloadError as error:
            assert "\n" not in str(error)
    assert till.in_slot("slot_b") == whole(till.new)
    assert any(start for _, start in till.server.requests)


def changed_byte(path: str) -> Callable[[Till], None]:
    def change(till: Till) -> None:
        content = bytearray(till.server.files[path])
        content[len(content) // 2] ^= 1
        till.server.files[path] = bytes(content)

    return change


def without(path: str) -> Callable[[Till], None]:
    return lambda till: till.server.files.pop(path) and None


def manifest(**facts: Any) -> Callable[[dict[str, Any]], None]:
    return lambda content: content.update(facts)


REFUSED: list[tuple[Callable[[Till], None], str]] = [
    (changed_byte(SIGNATURE), "/state/update.sig: the signature does not belong"),
    (changed_byte(MANIFEST), "/state/update.sig: the signature does not belong to this content"),
    (changed_byte("files/main.py"), "main.py: changed"),
    (without("files/main.py"), "files/main.py: the server has no such file"),
    (without(MANIFEST), "manifest.json: the server has no such file"),
    (lambda till: till.server.files.update({SIGNATURE: b"x"}), "manifest.sig: the server has 1"),
]


@pytest.mark.parametrize(("spoil", "said"), REFUSED)
def test_what_is_wrong_is_one_line_and_harms_nothing(
    make: Make, spoil: Callable[[Till], None], said: str
) -> None:
    till = make()
    spoil(till)
    with pytest.raises(Exception) as caught:
        till.update()
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)
    assert till.start() == "/slot_a"


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ({"chip": "esp32"}, "manifest.json: for chip esp32, this is esp32s3"),
        ({"board": "esp32_wrover"}, "manifest.json: for board esp32_wrover"),
        ({"micropython": "1.99.0"}, "manifest.json: needs MicroPython 1.99.0"),
        ({"mpy": 5}, "manifest.json: .mpy version 5"),
        ({"version": "newest"}, "manifest.json: newest is no version"),
        ({"version": "0.1.0+0"}, "0.1.0+0 is older than 0.1.0+1, and it does not allow that"),
        ({"kind": "something else"}, "not the manifest of an image"),
    ],
)
def test_a_signed_manifest_that_is_not_for_this_terminal_is_refused(
    make: Make, facts: dict[str, Any], said: str
) -> None:
    till = make(version(2, NEW, change=manifest(**facts)))
    with pytest.raises(Exception) as caught:
        till.update()
    assert said in str(caught.value)
    assert till.in_slot("slot_b") == {}
    assert till.start() == "/slot_a"


def test_an_older_version_comes_when_its_manifest_allows_it(make: Make) -> None:
    till = make(version(0, NEW, change=manifest(downgrade=True)))
    assert till.update()
    assert till.start() == "/slot_b"


def test_extra_files_of_an_earlier_version_go(make: Make) -> None:
    till = make()
    root = till.world.root
    root.write_file("/slot_b/kassa/stray.py", b"of long ago")
    root.write_file("/slot_b/kassa/c.py.new", NEW["kassa/c.py"][:1000])
    assert till.update()
    assert till.in_slot("slot_b") == whole(till.new)
    assert ("files/kassa/c.py", 1000) in till.server.requests


def test_a_full_flash_is_said_before_anything_is_lost(make: Make) -> None:
    till = make()
    free = till.world.load("os").statvfs("/")[3]
    till.world.root.write_file("/hoard", bytes((free - 14) * 4096))
    with pytest.raises(Exception, match=r"the new version needs .* blocks, .* are free"):
        till.update()
    assert till.start() == "/slot_a"


def test_the_offer_needs_the_host(make: Make) -> None:
    till = make()
    till.update()
    state = json.loads(till.world.root.read_file("/state/slots"))
    assert state == {"use": "slot_a", "try": "slot_b", "host": True, "tries": 0}


def test_a_changed_module_of_the_real_firmware_costs_little_of_its_image_on_the_network() -> None:
    measured = {result.name: result for result in update.over_the_network()}
    fetched = measured["update.one_module_fetched_bytes"]
    assert fetched.against is not None
    assert fetched.value < fetched.against.value / 20
    assert measured["update.one_module_ms"].value < measured["update.whole_ms"].value


def test_no_slot_no_update(pki: Pki, tmp_path: Path) -> None:
    till = Till(pki, version(1, OLD), version(2, NEW))
    till.start()
    till.world.load("os").chdir("/")
    assert not till.update()
    till.stop()
