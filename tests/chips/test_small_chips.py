"""Buzzer, lamps, tamper switch, clock of the day, watchdog and Wi-Fi station."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from simulator.chips import wlan
from simulator.chips.buses import Line
from simulator.chips.buzzer import Buzzer
from simulator.chips.lamps import Lamps
from simulator.chips.rtc import Rtc
from simulator.chips.tamper import TamperSwitch
from simulator.chips.watchdog import Watchdog
from simulator.chips.wlan import AccessPoint, Wlan
from simulator.clock import NS_PER_MS, NS_PER_S, VirtualClock


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


def test_the_buzzer_sounds_while_its_pwm_has_a_duty(clock):
    buzzer = Buzzer(clock)
    heard = []
    buzzer.on_tone = heard.append
    buzzer.set_pwm(1500, 0)
    buzzer.set_pwm(1500, 32768)
    clock.spend(500 * NS_PER_MS)
    buzzer.set_pwm(750, 32768)
    clock.spend(200 * NS_PER_MS)
    buzzer.set_pwm(750, 0xFFFF)
    assert buzzer.tones == [(0, 500 * NS_PER_MS, 1500), (500 * NS_PER_MS, 700 * NS_PER_MS, 750)]
    assert heard == [1500, 750, 0] and buzzer.sounding_hz == 0


def test_lamps_follow_their_wires():
    lines = [Line(f"lamp{i}") for i in range(4)]
    lamps = Lamps(lines)
    changes = []
    lamps.on_change = changes.append
    lines[1].drive("mcu", 1)
    lines[1].drive("mcu", 1)
    assert lamps.states() == (False, True, False, False)
    assert changes == [(False, True, False, False)]


@pytest.mark.parametrize("closed_level", [0, 1])
def test_the_tamper_switch_lets_go_when_the_case_opens(closed_level):
    line = Line("tamper")
    line.pull("mcu", 1 - closed_level)
    switch = TamperSwitch(line, closed_level)
    assert line.level == closed_level and not switch.is_open
    switch.open()
    assert line.level == 1 - closed_level and switch.is_open
    switch.close()
    assert line.level == closed_level


def test_the_clock_of_the_day_runs_and_is_lost_with_the_power(clock):
    rtc = Rtc(clock)
    clock.spend(3 * NS_PER_S)
    assert rtc.get() == datetime(2000, 1, 1, 0, 0, 3, tzinfo=UTC)
    moment = datetime(2026, 11, 22, 10, 0, 0, 250_000, tzinfo=UTC)
    rtc.set_utc(moment)
    rtc.memory = b"kept"
    clock.spend(NS_PER_S)
    assert rtc.get() == moment + timedelta(seconds=1) and rtc.memory == b"kept"
    rtc.power_on()
    assert rtc.get_ns() == 0 and rtc.memory == b""


def test_a_clock_that_drifts_gains(clock):
    rtc = Rtc(clock, drift_ppm=20)
    rtc.set(0)
    clock.spend(100_000 * NS_PER_S)
    assert rtc.get_ns() == 100_002 * NS_PER_S


def test_rtc_memory_is_2048_bytes(clock):
    rtc = Rtc(clock)
    rtc.memory = bytes(2048)
    with pytest.raises(ValueError):
        rtc.memory = bytes(2049)


def test_the_watchdog_bites_only_when_it_is_not_fed(clock):
    watchdog = Watchdog(clock)
    bites = []
    watchdog.on_bite = lambda: bites.append(clock.now_ns)
    watchdog.feed()
    clock.spend(10 * NS_PER_S)
    assert not bites and not watchdog.running
    watchdog.start(5000)
    for _ in range(4):
        clock.spend(4 * NS_PER_S)
        watchdog.feed()
    assert not bites
    fed_ns = clock.now_ns
    clock.spend(9 * NS_PER_S)
    assert bites == [fed_ns + 5 * NS_PER_S] and watchdog.bites == 1 and not watchdog.running


def test_a_restart_stops_the_watchdog(clock):
    watchdog = Watchdog(clock)
    watchdog.start(1000)
    watchdog.power_on()
    clock.spend(5 * NS_PER_S)
    assert watchdog.bites == 0


def joined(clock: VirtualClock, **point: object) -> Wlan:
    station = Wlan(clock, 1, [AccessPoint("kassa", **point)])
    station.active(True)
    station.connect("kassa", "secret")
    clock.spend(2 * NS_PER_S)
    return station


def test_joining_takes_a_second_and_a_half(clock):
    station = Wlan(clock, seed=1)
    assert station.status() == wlan.IDLE
    with pytest.raises(RuntimeError):
        station.connect("kassa")
    station.active(True)
    station.connect("kassa", "secret")
    clock.spend(1_300 * NS_PER_MS)
    assert station.status() == wlan.CONNECTING and not station.isconnected()
    assert station.ifconfig()[0] == "0.0.0.0"
    clock.spend(400 * NS_PER_MS)
    assert station.status() == wlan.GOT_IP and station.link
    assert station.ifconfig()[0] != "0.0.0.0"
    assert -62 < station.rssi() < -54


def test_a_lost_access_point_is_noticed_late_and_joined_again_when_it_is_back(clock):
    station = joined(clock)
    heard = []
    station.on_link = heard.append
    station.up = False
    assert not station.link and station.isconnected(), "nobody has noticed yet"
    clock.spend(7 * NS_PER_S)
    assert not station.isconnected() and station.status() == wlan.CONNECTING
    station.up = True
    clock.spend(6 * NS_PER_S)
    assert station.link and heard == [False, True]


def test_a_short_outage_is_bridged(clock):
    station = joined(clock)
    station.up = False
    clock.spend(3 * NS_PER_S)
    station.up = True
    clock.spend(20 * NS_PER_S)
    assert station.link and station.status() == wlan.GOT_IP


@pytest.mark.parametrize(
    ("point", "reason"),
    [({"key": "other"}, wlan.WRONG_PASSWORD), ({"up": False}, wlan.NO_AP_FOUND)],
)
def test_a_station_with_limited_retries_says_why_it_gave_up(clock, point, reason):
    station = Wlan(clock, 1, [AccessPoint("kassa", **point)])
    station.reconnects = 1
    station.active(True)
    station.connect("kassa", "secret")
    clock.spend(4 * NS_PER_S)
    assert station.status() == wlan.CONNECTING
    clock.spend(4 * NS_PER_S)
    assert station.status() == reason


def test_disconnect_and_radio_off_forget_everything(clock):
    station = joined(clock)
    station.disconnect()
    clock.spend(5 * NS_PER_S)
    assert station.status() == wlan.IDLE
    station.connect("kassa", "secret")
    station.active(False)
    clock.spend(5 * NS_PER_S)
    assert not station.isconnected()
    with pytest.raises(OSError):
        station.rssi()


def test_a_scan_hears_what_is_on_the_air_strongest_first(clock):
    far = AccessPoint("cafe", rssi=-80, security=wlan.OPEN)
    off = AccessPoint("gone", up=False)
    station = Wlan(clock, 1, [far, AccessPoint("kassa"), off, AccessPoint("quiet", hidden=True)])
    assert station.scan() == []
    station.active(True)
    heard = station.scan()
    assert [entry[0] for entry in heard] == [b"kassa", b"", b"cafe"]
    assert heard[2][4] == wlan.OPEN and heard[1][5] is True
