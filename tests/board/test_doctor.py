"""`kassa doctor` on boards that are well, ill in one way, or hardly boards at all."""

from __future__ import annotations

import asyncio
import datetime
import json
import re
import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from typer.testing import CliRunner

from host_tools import doctor as doctor_module
from host_tools import slots
from host_tools.board import load as load_board
from host_tools.build import build
from host_tools.cli import app
from host_tools.device import BY_TOOL, Device
from host_tools.doctor import Doctor
from host_tools.doctor_finding import REMEDIES, Finding
from host_tools.mpy import FIRMWARE
from host_tools.port import DeviceError
from simulator import cards, emv_configuration, provisioning
from simulator.board_thread import BoardThread
from simulator.deployed import slot
from simulator.filesystem import Littlefs
from simulator.sandbox import SocketSandbox
from tests.board import terminals
from tests.board.conftest import Mpremote
from tests.board.terminals import utc
from tests.on_micropython.run import need_micropython

WITHIN_S = 30


@dataclass
class Shop:
    """A terminal of the sandbox on a virtual board, and its acquirer."""

    thread: BoardThread
    sandbox: SocketSandbox
    healthy: bytes = b""
    port: str = field(default="")

    @property
    def chips(self) -> Any:
        return self.thread.board.wiring

    def files(self) -> Littlefs:
        """The terminal's file system; only while the power is off."""
        place = self.chips.partition("kassa")
        return Littlefs(self.thread.board.flash, place["offset"], place["size"])

    def off(self) -> None:
        self.thread.do(self.thread.board.cut_power)
        self.thread.board.flash.power_on()

    def on(self) -> None:
        """Switch on, the clock set; returns when the terminal welcomes customers."""
        shown = len(self.thread.hands.screens)

        async def power() -> None:
            await self.thread.board.power_on()
            self.chips.rtc.set_utc(utc())

        self.thread.do(power)
        names = ("welcome", "out_of_order")
        assert self.thread.until(
            lambda: any(s["name"] in names for s in self.thread.hands.screens[shown:]), WITHIN_S
        ), self.thread.board.console.said[-2000:]

    def heal(self) -> None:
        """As it was at first."""
        self.off()
        self.thread.board.flash.load(self.healthy)
        self.on()

    def change(self, change: Callable[[Littlefs], None]) -> None:
        """Change files while the power is off."""
        self.off()
        change(self.files())
        self.on()


@pytest.fixture(scope="module")
def opened() -> Iterator[Shop]:
    need_micropython()
    with BoardThread() as thread:
        sandbox = thread.do(terminals.open_sandbox)
        config = provisioning.files({}, *sandbox.address, sandbox.pki)
        built = build(thread.board.board, "0.1.0+1", key=emv_configuration.signing_key())
        thread.do(terminals.start, thread, built, config | slot(built, "slot_b"))
        shop = Shop(thread, sandbox)
        shop.off()
        shop.on()
        shop.port = thread.pty()
        shop.off()
        shop.healthy = thread.board.flash.image()
        yield shop
        thread.do(thread.board.cut_power)
        thread.do(shop.sandbox.close)


@pytest.fixture
def shop(opened: Shop) -> Iterator[Shop]:
    """The terminal, well and serving."""
    opened.heal()
    yield opened
    assert not opened.thread.board.violations


def doctor(port: str, *options: str) -> tuple[int, dict[str, dict[str, Any]]]:
    """Exit status, and the findings by name."""
    result = CliRunner().invoke(app, ["doctor", "--port", port, "--json", *options])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    told = json.loads(result.stdout)
    assert told["well"] is (result.exit_code == 0)
    for check in told["checks"]:
        assert check["detail"]
        assert bool(check["remedy"]) is (check["verdict"] != "ok"), check
    found = {check["name"]: check for check in told["checks"]}
    assert len(found) == len(told["checks"])
    return result.exit_code, found


def ill(found: dict[str, dict[str, Any]]) -> set[str]:
    return {name for name, check in found.items() if check["verdict"] == "fail"}


def test_a_healthy_terminal_is_well_and_goes_on_selling(shop: Shop) -> None:
    status, found = doctor(shop.port)
    assert status == 0 and not ill(found)
    assert {
        "heap", "clock", "board", "micropython", "flash chip", "partitions", "certificate",
        "host CA", "keys", "journal", "wear", "pending", "errors", "system heap", "temperature",
        "flash", "slot_a", "slot_b", "configuration", "emv", "panel", "keypad", "reader",
        "printer", "case", "wifi", "route sandbox",
    } <= set(found)  # fmt: skip
    shown = len(shop.thread.hands.screens)
    assert shop.thread.until(
        lambda: "welcome" in [s["name"] for s in shop.thread.hands.screens[shown:]], WITHIN_S
    )
    shop.thread.do(shop.thread.hands.press, "1250", "ENTER")
    shop.thread.do(shop.thread.hands.tap, "visa_credit")
    assert shop.thread.do(shop.thread.hands.until_screen, "approved")


def test_a_person_reads_verdicts_and_remedies(shop: Shop) -> None:
    shop.chips.printer.paper = "out"
    try:
        result = CliRunner().invoke(app, ["doctor", "--port", shop.port])
    finally:
        shop.chips.printer.paper = "ok"
    assert result.exit_code == 1
    lines = result.stdout.splitlines()
    at = next(number for number, line in enumerate(lines) if "out of paper" in line)
    assert lines[at].split()[:2] == ["fail", "printer"]
    assert lines[at + 1].strip() == "-> " + REMEDIES["remedy.paper"]
    assert "do not work: printer" in lines[-1]


# -- each fault by its name


def test_parts_that_fail_are_named_each_and_no_other(shop: Shop) -> None:
    chips, do = shop.chips, shop.thread.do
    chips.pn532.faults.absent = True
    chips.printer.paper = "out"
    do(chips.keypad.stick, "8")
    do(chips.tamper.open)
    do(chips.rtc.set_utc, datetime.datetime(2000, 1, 1, 0, 5, tzinfo=datetime.UTC))
    try:
        status, found = doctor(shop.port)
    finally:
        chips.pn532.faults.absent = False
        chips.printer.paper = "ok"
        do(chips.keypad.unstick, "8")
        do(chips.tamper.close)
    assert status == 1
    assert ill(found) == {"reader", "printer", "keypad", "case", "clock"}
    assert found["printer"]["detail"] == "out of paper"
    assert found["keypad"]["detail"] == "stuck: 8"
    assert found["clock"]["detail"] == "not set"


def test_what_is_wrong_on_the_flash_is_named_and_no_more(shop: Shop) -> None:
    for _ in range(2):
        shop.thread.do(shop.thread.hands.press, "1250", "ENTER")
        shop.thread.do(shop.thread.hands.tap, "visa_credit")
        assert shop.thread.do(shop.thread.hands.until_screen, "approved")
        shop.thread.do(shop.thread.hands.press, "ENTER")
        assert shop.thread.do(shop.thread.hands.until_screen, "welcome")
    certificate, key = expired()

    def spoil(files: Littlefs) -> None:
        files.write_file("/tls/client.der", certificate)
        files.write_file("/tls/key.der", key)
        settings = json.loads(files.read_file("/config/terminal.json"))
        settings["host"]["routes"][0]["port"] = 9  # nobody listens there
        files.write_file("/config/terminal.json", json.dumps(settings).encode())
        content = files.read_file("/slot_b/kassa/app/sale.mpy")
        files.write_file("/slot_b/kassa/app/sale.mpy", content[:-1] + b"?")
        place = shop.chips.partition("journal")
        image = bytearray(shop.thread.board.flash.image(place["offset"], place["size"]))
        image[4096 + 2 * 256 + 20] ^= 0x10  # block 1, slot 2: in what it seals
        shop.thread.board.flash.load(bytes(image), place["offset"])

    shop.change(spoil)
    known, shop.chips.pn532.firmware = shop.chips.pn532.firmware, (0x32, 1, 4, 7)
    try:
        status, found = doctor(shop.port)
    finally:
        shop.chips.pn532.firmware = known
    assert status == 1
    assert ill(found) == {"certificate", "route sandbox", "slot_b", "journal", "reader"}
    assert "expired on" in found["certificate"]["detail"]
    assert ":9: " in found["route sandbox"]["detail"]
    assert found["slot_b"]["detail"] == "kassa/app/sale.mpy: changed"
    assert "damaged" in found["journal"]["detail"]
    assert "1.4" in found["reader"]["detail"] and "not known" in found["reader"]["detail"]


def expired() -> tuple[bytes, bytes]:
    """A certificate of yesterday and its key, DER."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "KASSA001")])
    day = datetime.timedelta(days=1)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), 7)
        .not_valid_before(utc() - 9 * day)
        .not_valid_after(utc() - day)
        .sign(key, hashes.SHA256())
    )
    return (
        certificate.public_bytes(serialization.Encoding.DER),
        key.private_bytes(
            serialization.Encoding.DER,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ),
    )


def test_a_slot_that_is_just_being_filled_is_no_fault(shop: Shop) -> None:
    def fetch(files: Littlefs) -> None:
        files.write_file("/state/update.json", b"of a newer version")
        files.write_file("/slot_b/main.py", b"of a newer version")

    shop.change(fetch)
    with Device(shop.port) as device:
        device.soft_reset()
        examiner = Doctor(device, shop.chips.board)
        with examiner.parts(6):
            found = {one.name: one for one in examiner.ask("look('slot')", "slot", 40)}
    assert (found["slot_a"].verdict, found["slot_b"].verdict) == ("ok", "warn")


def test_a_part_that_hangs_is_named_and_the_others_are_looked_at(shop: Shop) -> None:
    with Device(shop.port) as device:
        device.soft_reset()
        examiner = Doctor(device, shop.chips.board)
        with examiner.parts(6):
            (found,) = examiner.ask("time.sleep(20)", "reader", 0.5)
            assert (found.name, found.verdict) == ("reader", "fail")
            assert "said nothing for 0.5 s" in found.detail and found.remedy
            (other,) = examiner.ask("look('printer')", "printer", 40)
    assert other.verdict == "ok"


def test_a_clock_that_runs_wrong_is_told_by_how_much(shop: Shop) -> None:
    for minutes, verdict in ((0, "ok"), (-5, "warn"), (200, "fail")):
        told = utc() + datetime.timedelta(minutes=minutes)
        shop.thread.do(shop.chips.rtc.set_utc, told)
        with Device(shop.port, reset_at_end=False) as device:
            heap, clock = Doctor(device, shop.chips.board)._as_found()
        assert (heap.verdict, clock.verdict) == ("ok", verdict)
        assert not minutes or ("ahead of" if minutes > 0 else "behind") in clock.detail


def test_a_heap_that_runs_low(shop: Shop) -> None:
    """A program that leaks."""
    hoard = (
        "import gc\ngc.collect()\nhoard=[]\n"
        "try:\n while True:hoard.append(bytearray(1024))\nexcept MemoryError:pass\n"
        "for _ in range(8):hoard.pop()\n"
    )
    with Device(shop.port, reset_at_end=False) as device:
        device.run(hoard)
    status, found = doctor(shop.port)
    assert status == 1 and ill(found) == {"heap"}


def test_a_panel_that_does_not_answer(
    new_board: Callable[..., BoardThread], tmp_path: Path
) -> None:
    path = answering_panel(tmp_path)
    board = new_board(board=path)
    port = board.pty()
    _, found = doctor(port, "--board", str(path))
    assert found["panel"]["detail"] == "answers"
    board.board.wiring.panel.absent = True
    status, found = doctor(port, "--board", str(path))
    assert status == 1 and found["panel"]["verdict"] == "fail"
    assert found["panel"]["detail"] == "does not answer"
    assert not board.board.violations


def answering_panel(folder: Path) -> Path:
    """A board file whose panel can be asked."""
    text = (FIRMWARE.parent / "board_configs" / "esp32s3_devkitc.toml").read_text("utf-8")
    text = text.replace("sck = 12\nmosi = 11\n", "sck = 12\nmosi = 11\nmiso = 45\n", 1)
    text = text.replace("backlight = 21\n", "backlight = 21\nsdo = true\n", 1)
    text += '\n[[accept]]\npin = 45\nbecause = "the panel lets go of it while not selected"\n'
    path = folder / "answering.toml"
    path.write_text(text, "utf-8")
    load_board(path)
    return path


# -- boards in any state


def test_a_board_without_anything_of_kassa(new_board: Callable[..., BoardThread]) -> None:
    board = new_board()
    assert board.until(lambda: board.board.console.said.endswith(b">>> "), WITHIN_S)
    before = board.board.flash.image()
    status, found = doctor(board.pty())
    assert status == 1 and ill(found) == {"clock", "firmware"}
    assert found["reader"]["verdict"] == "ok"
    assert board.board.flash.image() == before
    assert not board.board.violations


def test_a_board_that_is_not_the_one_that_was_named(new_board: Callable[..., BoardThread]) -> None:
    board = new_board(board="esp32_devkitc")
    status, found = doctor(board.pty(), "--board", "esp32s3_devkitc")
    assert status == 1 and {"board", "flash chip"} <= ill(found)
    assert found["flash chip"]["detail"] == "4 MiB; esp32s3_devkitc has 16"
    assert "--board" in found["board"]["remedy"]
    assert "panel" not in found  # another board's pins are not driven


def test_a_damaged_main_file_system_costs_no_finding_about_the_money(shop: Shop) -> None:
    shop.off()
    place = shop.chips.partition("kassa")
    shop.thread.board.flash.load(b"\x55" * 8192, place["offset"])
    shop.thread.do(shop.thread.board.power_on)
    assert shop.thread.until(lambda: shop.thread.hands.events[-1]["is"] == "service", WITHIN_S)
    status, found = doctor(shop.port)
    assert status == 1 and {"files", "clock"} <= ill(found)
    assert "kassa backup" in found["files"]["remedy"]
    assert "journal" in found and "journal" not in ill(found)
    assert found["panel"]["verdict"] == "ok"


def test_tools_that_come_one_after_the_other_use_up_no_tries(shop: Shop) -> None:
    """Each stops the program before it has come up, and resets."""
    shop.chips.pn532.faults.absent = True  # without a reader it never has
    try:
        for _ in range(4):
            shown = len(shop.thread.hands.screens)
            with Device(shop.port):
                pass
            assert shop.thread.until(lambda n=shown: len(shop.thread.hands.screens) > n, WITHIN_S)
    finally:
        shop.chips.pn532.faults.absent = False
    with Device(shop.port) as device:
        device.soft_reset()
        running, spare = slots.look(device)
    assert (running.runs, running.in_use, running.tries) == (True, True, 0)
    assert not (spare.runs or spare.in_use)


def test_a_terminal_that_was_never_provisioned(shop: Shop) -> None:
    shop.change(lambda files: files.remove("/config/terminal.json"))
    status, found = doctor(shop.port)
    assert status == 1 and ill(found) == {"configuration"}
    assert "kassa provision" in found["configuration"]["remedy"]


def test_a_board_that_is_pulled_off_ends_with_one_line(shop: Shop) -> None:
    pulled = []

    def pull(done: int, total: int) -> None:
        if not pulled:
            pulled.append(done)
            shop.thread.do(shop.thread.board.unplug)

    try:
        with pytest.raises(DeviceError) as broken, Device(shop.port) as device:
            list(Doctor(device, shop.chips.board, reading=lambda: nullcontext(pull)).findings())
    finally:
        shop.port = shop.thread.pty()
    assert "reading the partition journal" in str(broken.value)
    assert "\n" not in str(broken.value)


def test_what_the_page_does_by_hand_looks_too(shop: Shop, tmp_path: Path) -> None:
    page = (FIRMWARE.parent / "host_tools" / "README.md").read_text("utf-8")
    looks, attends = re.findall(r'exec "(import doctor; doctor\.[^"]*)"', page)
    by_hand = Mpremote(shop.port, tmp_path)
    told = json.loads(by_hand("exec", looks))
    assert (told["check"], told["verdict"]) == ("reader", "ok")
    assert by_hand("exec", attends, "+", "reset") == ""  # only a person can tell


# -- with somebody in front of it


class Hands:
    """Does what is asked, and sees what there is to see."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop
        self.questions: list[str] = []

    def does(self, what: str) -> None:
        board, chips = self.shop.thread, self.shop.chips
        before = chips.keypad.scans("1")

        async def act() -> None:
            if "key" in what:
                # Its first look at the keys, then it waits for one.
                ready = before + 2
                await board.board.until(lambda: chips.keypad.scans("1") >= ready, WITHIN_S)
                names = [name for row in chips.board["keypad"]["layout"] for name in row]
                for name in names:
                    await board.hands.press(name)
            elif "card" in what:
                chips.pn532.present(cards.load("visa_credit"))
            else:
                for _ in range(10):
                    await asyncio.sleep(0.5)
                    chips.tamper.open()
                    await asyncio.sleep(0.5)
                    chips.tamper.close()

        board.do(self._later, act())

    async def _later(self, action: Any) -> None:
        self._task = asyncio.create_task(action)

    def sees(self, question: str) -> bool:
        self.questions.append(question)
        if "slip" in question:
            return "TEST SLIP" in self.shop.chips.printer.receipts[-1]
        return True


def test_with_a_person_every_key_lamp_and_tone_is_tried(shop: Shop) -> None:
    hands = Hands(shop)
    with Device(shop.port) as device:
        found = {f.name: f for f in Doctor(device, shop.chips.board).findings(hands)}
    for card in list(shop.chips.pn532.cards):
        shop.thread.do(shop.chips.pn532.remove, card)
    wanted = ("panel pattern", "lamps and buzzer", "test slip", "keys", "card", "opening")
    assert {name: found[name].verdict for name in wanted} == dict.fromkeys(wanted, "ok"), found
    assert len(hands.questions) == 3


def test_a_person_may_take_longer_than_the_watchdog_would_wait(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor_module, "_FEED_EVERY_S", 0.5)
    starts = len(shop.thread.board.starts)
    with Device(shop.port) as device:
        device.soft_reset()
        examiner = Doctor(device, shop.chips.board)
        with examiner.parts(6):
            device.run("import machine\nmachine.WDT(timeout=1500)\n")
            with examiner._awake():
                time.sleep(4)
            assert examiner.ask("look('printer')", "printer", 40)
    assert len(shop.thread.board.starts) - starts == 1  # the soft reset's


def test_a_board_that_restarts_by_itself_ends_the_run(shop: Shop) -> None:
    with (
        pytest.raises(DeviceError, match="restarted by itself"),
        Device(shop.port, reset_at_end=False) as device,
    ):
        device.soft_reset()
        examiner = Doctor(device, shop.chips.board)
        with examiner.parts(6):
            shop.thread.do(shop.thread.board.press_reset)
            examiner.ask("look('printer')", "printer", 2)


def test_what_a_person_does_not_see_is_a_fault(shop: Shop) -> None:
    class Blind(Hands):
        def sees(self, question: str) -> bool:
            return False

    with Device(shop.port) as device:
        found = {f.name: f for f in Doctor(device, shop.chips.board).findings(Blind(shop))}
    for card in list(shop.chips.pn532.cards):
        shop.thread.do(shop.chips.pn532.remove, card)
    assert isinstance(found["test slip"], Finding)
    for name in ("panel pattern", "lamps and buzzer", "test slip"):
        assert found[name].verdict == "fail" and found[name].remedy


def test_a_remedy_names_no_command_that_does_not_exist() -> None:
    known = {command.name for command in app.registered_commands}
    known |= {group.name for group in app.registered_groups}
    named = set(re.findall(r"`kassa (\w+)", " ".join(REMEDIES.values())))
    assert named and named <= known
    for group, command in re.findall(r"`kassa (board|journal) (\w+)", " ".join(REMEDIES.values())):
        assert CliRunner().invoke(app, [group, command, "--help"]).exit_code == 0


def test_the_mark_of_a_tools_reset_is_the_one_that_boot_py_knows() -> None:
    assert f"BY_TOOL = {BY_TOOL!r}".replace("'", '"') in (
        (FIRMWARE / "kassa" / "system" / "slots.py").read_text("utf-8")
    )


def test_a_technician_has_a_remedy_for_each_that_a_shop_assistant_has() -> None:
    words = json.loads((FIRMWARE / "assets" / "words" / "en.json").read_text("utf-8"))
    assert {key for key in words if key.startswith("remedy.")} <= set(REMEDIES)
