"""The field table of Kassa's host messages, for people and for `pyiso8583`.

`specification()` is what `iso8583.decode(message, specification())` wants; it is derived from the
firmware's own table (`kassa.host.fields`), so it cannot differ from what terminals send.

    python -m host_tools.iso8583_fields          a table to read
    python -m host_tools.iso8583_fields --json   the specification, for other programs
"""

from __future__ import annotations

import argparse
import json
from typing import Any

from kassa.host import fields

_NAMES = """\
2 Primary account number
3 Processing code
4 Amount, transaction
5 Amount, settlement
6 Amount, cardholder billing
7 Transmission date and time, UTC
8 Amount, cardholder billing fee
9 Conversion rate, settlement
10 Conversion rate, cardholder billing
11 System trace audit number
12 Time, local transaction
13 Date, local transaction
14 Date, expiration
15 Date, settlement
16 Date, conversion
17 Date, capture
18 Merchant category
19 Acquiring institution country
20 PAN country
21 Forwarding institution country
22 Point of service entry mode
23 Card sequence number
24 Network international identifier
25 Point of service condition
26 Point of service PIN capture
27 Authorisation identification length
28 Amount, transaction fee
29 Amount, settlement fee
30 Amount, transaction processing fee
31 Amount, settlement processing fee
32 Acquiring institution
33 Forwarding institution
34 PAN, extended
35 Track 2
36 Track 3
37 Retrieval reference number
38 Authorisation identification
39 Response code
40 Service restriction
41 Terminal identification
42 Merchant identification
43 Merchant name and location
44 Additional response data
45 Track 1
46 Additional data, ISO
47 Additional data, national
48 Additional data, private
49 Currency, transaction
50 Currency, settlement
51 Currency, cardholder billing
52 PIN data
53 Security related control information
54 Additional amounts
55 ICC data
60 Batch number
62 Host date and time, UTC
63 Terminal health, JSON
64 Message authentication code
66 Settlement code
67 Extended payment code
68 Receiving institution country
69 Settlement institution country
70 Network management information code
71 Message number
72 Message number, last
73 Date, action
74 Credits, number
75 Credits reversal, number
76 Debits, number
77 Debits reversal, number
78 Transfers, number
79 Transfers reversal, number
80 Inquiries, number
81 Authorisations, number
82 Credits, processing fee
83 Credits, transaction fee
84 Debits, processing fee
85 Debits, transaction fee
86 Credits, amount
87 Credits reversal, amount
88 Debits, amount
89 Debits reversal, amount
90 Original data elements
91 File update code
92 File security code
93 Response indicator
94 Service indicator
95 Replacement amounts
96 Message security code
97 Amount, net settlement
98 Payee
99 Settlement institution
100 Receiving institution
101 File name
102 Account identification 1
103 Account identification 2
104 Transaction description
110 Encrypted data and key serial numbers
128 Message authentication code
"""

NAMES: dict[int, str] = {
    int(number): name for number, _, name in (line.partition(" ") for line in _NAMES.splitlines())
}


def name(number: int) -> str:
    """What a field is called; reserved ones say so."""
    return NAMES.get(number, "Reserved")


def specification() -> dict[str, dict[str, Any]]:
    """A `pyiso8583` specification dict: keys "h", "t", "p", "1" and "2" to "128"."""
    spec: dict[str, dict[str, Any]] = {
        "h": _entry("ascii", 0, 0, "Message header (none)"),
        "t": _entry("b", 0, 2, "Message type"),
        "p": _entry("b", 0, 8, "Bitmap, primary"),
        "1": _entry("b", 0, 8, "Bitmap, secondary"),
    }
    for number in range(fields.FIRST, fields.LAST + 1):
        kind = fields.kind(number)
        entry = _entry(
            "ascii" if kind == fields.TEXT else "b",
            fields.prefix_bytes(number),
            fields.length(number),
            name(number),
        )
        if kind in (fields.DIGITS, fields.TRACK):
            entry.update(len_count="nibbles", left_pad="0")
        spec[str(number)] = entry
    return spec


def _entry(data_enc: str, len_type: int, max_len: int, desc: str) -> dict[str, Any]:
    return {
        "data_enc": data_enc,
        "len_enc": "bcd",
        "len_type": len_type,
        "max_len": max_len,
        "desc": desc,
    }


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description="The ISO 8583 fields of Kassa's host messages.")
    parser.add_argument("--json", action="store_true", help="the pyiso8583 specification")
    if parser.parse_args().json:
        print(json.dumps(specification(), indent=2))
        return
    for number in range(fields.FIRST, fields.LAST + 1):
        print(f"{number:4}  {fields.notation(number):10}  {name(number)}")


if __name__ == "__main__":
    main()
