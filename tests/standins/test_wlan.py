"""`network`: the radio, joining and losing a network, in modelled time."""

from __future__ import annotations

import pytest

from simulator.standins.world import World

S = 1_000_000_000


@pytest.fixture
def station(world: World):
    network = world.load("network")
    return network.WLAN(network.WLAN.IF_STA)


def wait(world: World, seconds: float) -> None:
    world.wait(int(seconds * S))


def test_joining_takes_a_while_and_gives_an_address(world: World, station):
    station.active(True)
    station.connect("kassa", "secret")
    assert (station.isconnected(), station.status()) == (False, 1001)
    wait(world, 2)
    assert (station.isconnected(), station.status()) == (True, 1010)
    address = station.ifconfig()[0]
    assert station.ipconfig("addr4") == (address, "255.255.255.0")
    assert station.ipconfig("has_dhcp4") is True
    assert -70 < station.status("rssi") < -40
    station.disconnect()
    assert (station.isconnected(), station.ifconfig()[0]) == (False, "0.0.0.0")


def test_the_radio_must_be_on(station):
    for call in (lambda: station.connect("kassa", "x"), station.scan):
        with pytest.raises(OSError):
            call()


def test_a_scan_takes_its_time_and_names_what_it_hears(world: World, station):
    station.active(True)
    before = world.clock.now_ns
    found = station.scan()
    assert world.clock.now_ns - before > 2 * S
    assert found[0][0] == b"kassa"
    assert len(found[0]) == 6


def test_a_wrong_name_is_looked_for_for_ever_or_as_often_as_configured(world: World, station):
    station.active(True)
    station.connect("elsewhere")
    wait(world, 30)
    assert station.status() == 1001
    station.config(reconnects=2)
    station.connect("elsewhere")
    wait(world, 30)
    assert (station.status(), station.config("reconnects")) == (201, 2)


def test_a_lost_network_is_noticed_and_joined_again(world: World, station):
    station.active(True)
    station.connect("kassa")
    wait(world, 2)
    world.wiring.wlan.up = False
    wait(world, 10)
    assert not station.isconnected()
    world.wiring.wlan.up = True
    wait(world, 10)
    assert station.isconnected()


def test_parameters_are_read_by_name_and_set_by_keyword(world: World, station):
    network = world.load("network")
    assert station.config("mac") == world.load("machine").unique_id()
    assert len(station.config("mac")) == 6
    network.hostname("till-1")
    assert (station.config("hostname"), network.hostname()) == ("till-1", "till-1")
    station.config(pm=station.PM_NONE, txpower=12)
    assert (station.config("pm"), station.config("txpower")) == (0, 12)
    network.country("DE")
    assert network.country() == "DE"
    for bad in (lambda: station.config("shoe_size"), lambda: station.config(shoe_size=1)):
        with pytest.raises(ValueError, match="unknown"):
            bad()
    with pytest.raises(ValueError, match="access point"):
        network.WLAN(network.WLAN.IF_AP)


def test_two_objects_are_one_station(world: World, station):
    station.active(True)
    assert world.load("network").WLAN().active() is True
