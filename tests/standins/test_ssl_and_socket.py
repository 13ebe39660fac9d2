"""`ssl` and `socket` of a world: who would not verify does not connect."""

from __future__ import annotations

from typing import Any

import pytest

from host_tools.board import load as load_board
from simulator.acquirer import virtual
from simulator.acquirer.acquirer import Acquirer
from simulator.acquirer.pki import SERVER_NAME, Pki
from simulator.clock import VirtualClock
from simulator.network import Network
from simulator.standins.world import World
from simulator.wiring import Wiring
from tests.conftest import REFERENCE_BOARD, new_world
from tests.simulator.test_network import Echo


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    return Pki(tmp_path_factory.mktemp("pki"))


@pytest.fixture
def online(pki: Pki) -> World:
    """A world with the acquirer at host:8583 and an echo without TLS at host:7."""
    wiring = Wiring(load_board(REFERENCE_BOARD), VirtualClock())
    network = Network(wiring.clock)
    virtual.listen(network, Acquirer(), pki, "host", 8583)
    network.listen("host", 7, Echo)
    world = new_world(wiring=wiring, network=network)
    world.load("machine").RTC().datetime((2026, 1, 5, 0, 10, 0, 0, 0))
    return world


def context(world: World, pki: Pki, **leave: bool) -> Any:
    """A context with everything set, but for what `leave` names."""
    ssl = world.load("ssl")
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    files = pki.terminal("KASSA001")
    if not leave.get("verify_mode"):
        made.verify_mode = ssl.CERT_REQUIRED
    if not leave.get("ca"):
        made.load_verify_locations(cadata=files.ca)
    if not leave.get("certificate"):
        made.load_cert_chain(files.client, files.key)
    return made


def connect(world: World, ssl: Any, name: str | None = SERVER_NAME) -> Any:
    return world.run(
        world.load("asyncio").open_connection("host", 8583, ssl=ssl, server_hostname=name)
    )


def test_a_context_with_everything_connects(online: World, pki: Pki) -> None:
    reader, writer = connect(online, context(online, pki))
    assert reader is writer


def test_verification_is_off_until_it_is_switched_on(online: World) -> None:
    ssl = online.load("ssl")
    assert ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).verify_mode == ssl.CERT_NONE


@pytest.mark.parametrize("left", ["verify_mode", "ca"])
def test_a_terminal_that_would_not_verify_is_stopped(online: World, pki: Pki, left: str) -> None:
    with pytest.raises(ValueError, match="would not verify"):
        connect(online, context(online, pki, **{left: True}))


def test_a_context_made_by_asyncio_itself_is_stopped(online: World) -> None:
    with pytest.raises(ValueError, match="would not verify"):
        connect(online, True)


def test_without_a_client_certificate_the_host_refuses(online: World, pki: Pki) -> None:
    with pytest.raises(OSError) as caught:
        connect(online, context(online, pki, certificate=True))
    assert caught.value.args[0] == -0x7780


def test_a_wrong_name_is_a_value_error_as_from_mbedtls(online: World, pki: Pki) -> None:
    with pytest.raises(ValueError, match="Common Name"):
        connect(online, context(online, pki), "acquirer.example")


def test_certificates_and_keys_must_parse_and_belong_together(online: World, pki: Pki) -> None:
    ssl = online.load("ssl")
    files, other = pki.terminal("KASSA001"), pki.terminal("KASSA002")
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    with pytest.raises(ValueError, match="invalid cert"):
        made.load_cert_chain(b"not a certificate", files.key)
    with pytest.raises(ValueError, match="invalid key"):
        made.load_cert_chain(files.client, b"not a key")
    with pytest.raises(ValueError, match="invalid key"):
        made.load_cert_chain(files.client, other.key)
    with pytest.raises(ValueError, match="invalid cert"):
        made.load_verify_locations(cadata=b"not a certificate")


def test_a_blocking_socket_sends_and_receives(online: World) -> None:
    socket = online.load("socket")
    address = socket.getaddrinfo("host", 7, 0, socket.SOCK_STREAM)[0][-1]
    ours = socket.socket()
    ours.connect(address)
    assert ours.send(b"hello\nrest") == 10
    assert ours.readline() == b"hello\n"
    assert ours.recv(2) == b"re"
    buffer = bytearray(2)
    assert ours.readinto(buffer) == 2 and buffer == b"st"
    ours.settimeout(1)
    with pytest.raises(OSError) as caught:
        ours.recv(1)
    assert caught.value.args[0] == 116
    ours.close()


def test_a_socket_that_does_not_block_says_try_again(online: World) -> None:
    socket = online.load("socket")
    ours = socket.socket()
    ours.setblocking(False)
    with pytest.raises(OSError) as caught:
        ours.connect(("host", 7))
    assert caught.value.args[0] == 119
    online.load("time").sleep(1)
    assert ours.read(10) is None
    ours.write(b"abc")
    online.load("time").sleep(1)
    assert ours.read(10) == b"abc"


def test_tls_can_be_put_over_a_connected_socket(online: World, pki: Pki) -> None:
    socket = online.load("socket")
    ours = socket.socket()
    ours.connect(("host", 8583))
    secured = context(online, pki).wrap_socket(ours, server_hostname=SERVER_NAME)
    assert secured.write(b"\x00\x02") == 2


def test_nobody_connects_to_a_terminal(online: World) -> None:
    socket = online.load("socket")
    ours = socket.socket()
    for refused in (lambda: ours.bind(("", 1)), ours.listen, ours.accept):
        with pytest.raises(OSError):
            refused()
    with pytest.raises(OSError):
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
