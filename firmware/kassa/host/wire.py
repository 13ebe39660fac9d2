"""A request made ready for the wire, and an answer that may be believed.

A frame is the message behind its length (two bytes, big-endian).  The last field, DE 64 or 128, is
an AES-CMAC over everything before it, bitmaps included, cut to its leftmost 8 bytes; requests
under the MAC generation key, answers under the MAC verification key of the same KSN.  The KSN is
in DE 110 of the request:

    C1    key serial number of the message's MAC, 12 bytes
    E2    card block, if there is one (see card_block.py); it has its own KSN inside
"""

from typing import TYPE_CHECKING

from kassa.host import card_block, fields, iso8583
from kassa.host.errors import BadAnswer
from kassa.security import cmac

if TYPE_CHECKING:
    from kassa.host.messages import Request
    from kassa.security.dukpt import TransactionKeys

LENGTH_SIZE = 2
LARGEST_MESSAGE = 1024
MAC_SIZE = 8

# What an answer repeats of its request, if it has it at all.
_REPEATED = (4, 11, 41, 42, 49, 60)


def seal(request: "Request", keys: "TransactionKeys | None") -> bytes:
    """The whole frame.  `keys` may be None only where the request is not signed.  FormatError."""
    content = request.fields.copy()
    if keys is not None:
        block = bytearray()
        card_block.append(block, 0xC1, keys.ksn)
        if request.card is not None:
            terminal_id, stan = content[41], int(request.stan)
            block += card_block.seal(request.card, keys, terminal_id, stan)  # type: ignore[arg-type]
        else:
            block += request.sealed_card
        content[110] = bytes(block)
        content[fields.MAC_SECONDARY] = bytes(MAC_SIZE)
    frame = bytearray(LENGTH_SIZE)
    iso8583.append(frame, request.mti, content)
    if keys is not None:
        covered = memoryview(frame)[LENGTH_SIZE:-MAC_SIZE]
        mac = cmac.cmac(keys.mac_request_key, covered)
        frame[-MAC_SIZE:] = mac[:MAC_SIZE]
    frame[:LENGTH_SIZE] = (len(frame) - LENGTH_SIZE).to_bytes(LENGTH_SIZE, "big")
    return bytes(frame)


def check_answer(
    request: "Request",
    message: "bytes | bytearray | memoryview",
    answer: "dict[int, str | bytes]",
    key: "bytes | bytearray | None",
) -> None:
    """Raise BadAnswer unless `answer`, decoded from `message`, may be believed.

    It is authentic under the response MAC `key` (None: the request was not signed, so none is
    asked for), has a response code, and repeats what the request said of amount, terminal and
    batch.
    """
    if key is not None:
        last = fields.MAC_SECONDARY if message[2] & 0x80 else fields.MAC_PRIMARY
        mac = answer.get(last)
        if mac is None:
            raise BadAnswer("the answer has no MAC")
        if not cmac.verify(key, message[:-MAC_SIZE], mac):  # type: ignore[arg-type]
            raise BadAnswer("the answer's MAC is wrong")
    if 39 not in answer:
        raise BadAnswer("the answer has no response code")
    for number in _REPEATED:
        said = request.fields.get(number)
        if number == 4 and said is not None:
            said = "%012d" % said
        if said is not None and number in answer and answer[number] != said:
            raise BadAnswer("the answer's field %d is another's" % number)
