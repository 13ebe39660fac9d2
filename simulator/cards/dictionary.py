"""The data elements of contactless EMV by name, for people who read exchanges.

`ELEMENTS[tag]` is (title, format, source): format n numeric, cn compressed numeric, an/ans text, b
binary, v various; source card, terminal or issuer.  Sources: EMV 4.3 Book 3, Annex A; Books C-2
and C-3, Annex A.
"""

from __future__ import annotations

from typing import NamedTuple


class Element(NamedTuple):
    """One data element."""

    title: str
    format: str
    source: str


_TEXT = """
42    n    card     Issuer identification number
4F    b    card     Application identifier (ADF name)
50    ans  card     Application label
56    ans  card     Track 1 data
57    b    card     Track 2 equivalent data
5A    cn   card     Primary account number (PAN)
5F20  ans  card     Cardholder name
5F24  n    card     Application expiration date
5F25  n    card     Application effective date
5F28  n    card     Issuer country code
5F2A  n    terminal Transaction currency code
5F2D  an   card     Language preference
5F30  n    card     Service code
5F34  n    card     PAN sequence number
5F36  n    terminal Transaction currency exponent
5F50  ans  card     Issuer URL
5F53  b    card     International bank account number
5F54  an   card     Bank identifier code
5F55  an   card     Issuer country code (alpha 2)
5F56  an   card     Issuer country code (alpha 3)
61    b    card     Directory entry
6F    b    card     FCI template
70    b    card     Record template
71    b    issuer   Issuer script template 1
72    b    issuer   Issuer script template 2
77    b    card     Response message template format 2
80    b    card     Response message template format 1
81    b    terminal Amount, authorised (binary)
82    b    card     Application interchange profile
83    b    terminal Command template
84    b    card     DF name
86    b    issuer   Issuer script command
87    b    card     Application priority indicator
88    b    card     Short file identifier
8A    an   issuer   Authorisation response code
8C    b    card     Card risk management DOL 1 (CDOL1)
8D    b    card     Card risk management DOL 2 (CDOL2)
8E    b    card     Cardholder verification method list
8F    b    card     CA public key index
90    b    card     Issuer public key certificate
91    b    issuer   Issuer authentication data
92    b    card     Issuer public key remainder
93    b    card     Signed static application data
94    b    card     Application file locator
95    b    terminal Terminal verification results
97    b    card     Transaction certificate DOL
9A    n    terminal Transaction date
9B    b    terminal Transaction status information
9C    n    terminal Transaction type
9F01  n    terminal Acquirer identifier
9F02  n    terminal Amount, authorised
9F03  n    terminal Amount, other
9F04  b    terminal Amount, other (binary)
9F06  b    terminal Application identifier (terminal)
9F07  b    card     Application usage control
9F08  b    card     Application version number (card)
9F09  b    terminal Application version number (terminal)
9F0B  ans  card     Cardholder name, extended
9F0D  b    card     Issuer action code - default
9F0E  b    card     Issuer action code - denial
9F0F  b    card     Issuer action code - online
9F10  b    card     Issuer application data
9F11  n    card     Issuer code table index
9F12  ans  card     Application preferred name
9F13  b    card     Last online ATC register
9F15  n    terminal Merchant category code
9F16  ans  terminal Merchant identifier
9F17  b    card     PIN try counter
9F19  n    card     Token requestor ID
9F1A  n    terminal Terminal country code
9F1B  b    terminal Terminal floor limit
9F1C  an   terminal Terminal identification
9F1D  b    terminal Terminal risk management data
9F1E  an   terminal Interface device serial number
9F1F  ans  card     Track 1 discretionary data
9F20  cn   card     Track 2 discretionary data
9F21  n    terminal Transaction time
9F24  an   card     Payment account reference
9F25  n    card     Last 4 digits of PAN
9F26  b    card     Application cryptogram
9F27  b    card     Cryptogram information data
9F29  b    card     Extended selection
9F2A  b    card     Kernel identifier
9F32  b    card     Issuer public key exponent
9F33  b    terminal Terminal capabilities
9F34  b    terminal CVM results
9F35  n    terminal Terminal type
9F36  b    card     Application transaction counter
9F37  b    terminal Unpredictable number
9F38  b    card     Processing options DOL (PDOL)
9F39  n    terminal Point-of-service entry mode
9F40  b    terminal Additional terminal capabilities
9F41  n    terminal Transaction sequence counter
9F42  n    card     Application currency code
9F44  n    card     Application currency exponent
9F45  b    card     Data authentication code
9F46  b    card     ICC public key certificate
9F47  b    card     ICC public key exponent
9F48  b    card     ICC public key remainder
9F49  b    card     Dynamic data authentication DOL
9F4A  b    card     Static data authentication tag list
9F4B  b    card     Signed dynamic application data
9F4C  b    card     ICC dynamic number
9F4D  b    card     Log entry
9F4E  ans  terminal Merchant name and location
9F4F  b    card     Log format
9F51  b    card     DRDOL
9F53  b    terminal Transaction category code
9F5A  b    card     Application program identifier
9F5B  b    issuer   Issuer script results
9F5D  b    card     Available offline spending amount
9F5E  b    card     Data storage identifier
9F62  b    card     Track 1 bit map for CVC3
9F63  b    card     Track 1 bit map for UN and ATC
9F64  b    card     Track 1 number of ATC digits
9F65  b    card     Track 2 bit map for CVC3
9F66  b    terminal Terminal transaction qualifiers
9F67  b    card     Track 2 number of ATC digits
9F68  b    card     Card additional processes
9F69  b    card     Card authentication related data
9F6B  b    card     Track 2 data
9F6C  b    card     Card transaction qualifiers
9F6E  b    card     Form factor indicator / third party data
9F7C  b    card     Customer exclusive data / merchant custom data
9F7E  b    terminal Mobile support indicator
9F7F  b    card     Card production life cycle data
A5    b    card     FCI proprietary template
BF0C  b    card     FCI issuer discretionary data
DF4B  b    card     POS cardholder interaction information
DF60  b    card     DS input (card)
DF8101 b   terminal DS summary 2
"""

ELEMENTS: dict[int, Element] = {}
for _line in _TEXT.strip().splitlines():
    _tag, _format, _source, _title = _line.split(maxsplit=3)
    ELEMENTS[int(_tag, 16)] = Element(_title, _format, _source)

COMMANDS = {
    (0x00, 0xA4): "SELECT",
    (0x80, 0xA8): "GET PROCESSING OPTIONS",
    (0x00, 0xB2): "READ RECORD",
    (0x80, 0xAE): "GENERATE AC",
    (0x80, 0xCA): "GET DATA",
    (0x00, 0x82): "EXTERNAL AUTHENTICATE",
    (0x00, 0x88): "INTERNAL AUTHENTICATE",
    (0x80, 0x2A): "COMPUTE CRYPTOGRAPHIC CHECKSUM",
    (0x80, 0xD0): "RECOVER AC",
    (0x80, 0xEA): "EXCHANGE RELAY RESISTANCE DATA",
    (0x00, 0xC0): "GET RESPONSE",
    (0x00, 0x20): "VERIFY",
}

STATUS_WORDS = {
    0x9000: "done",
    0x6283: "selected file invalidated",
    0x6300: "authentication failed",
    0x6700: "wrong length",
    0x6982: "security status not satisfied",
    0x6983: "authentication method blocked",
    0x6984: "referenced data invalidated: use another interface",
    0x6985: "conditions of use not satisfied",
    0x6986: "command not allowed: see phone",
    0x6A80: "wrong data",
    0x6A81: "function not supported",
    0x6A82: "file or application not found",
    0x6A83: "record not found",
    0x6A86: "wrong P1 P2",
    0x6A88: "referenced data not found",
    0x6D00: "instruction not supported",
    0x6E00: "class not supported",
    0x6F00: "no precise diagnosis",
}
