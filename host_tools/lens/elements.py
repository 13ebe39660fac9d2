"""The data elements of contactless EMV by name.

`ELEMENTS[tag]` is (title, format, source): format n numeric, cn compressed numeric, an/ans text, b
binary; source card, terminal or issuer.  Some tags mean another thing with each scheme: `title`
knows.  Sources: EMV 4.4 Book 3, Annex A; Books C-2 to C-7, Annex A; ISO/IEC 7816-4 and -6.
"""

from __future__ import annotations

from typing import NamedTuple


class Element(NamedTuple):
    """One data element."""

    title: str
    format: str
    source: str


UNKNOWN = Element("Unknown", "b", "")

_TEXT = """
6      b   card     Object identifier
41     ans card     Country code and national data
42     n   card     Issuer identification number
4F     b   card     Application identifier (ADF name)
50     ans card     Application label
51     b   card     File reference
52     b   issuer   Command to perform
53     b   card     Discretionary data
56     ans card     Track 1 data
57     b   card     Track 2 equivalent data
5A     cn  card     Primary account number (PAN)
61     b   card     Directory entry
6F     b   card     FCI template
70     b   card     Record template
71     b   issuer   Issuer script template 1
72     b   issuer   Issuer script template 2
73     b   card     Directory discretionary template
77     b   card     Response message template format 2
80     b   card     Response message template format 1
81     b   terminal Amount, authorised (binary)
82     b   card     Application interchange profile
83     b   terminal Command template
84     b   card     DF name
86     b   issuer   Issuer script command
87     b   card     Application priority indicator
88     b   card     Short file identifier
89     an  issuer   Authorisation code
8A     an  issuer   Authorisation response code
8B     b   card     Security environment template
8C     b   card     Card risk management DOL 1 (CDOL1)
8D     b   card     Card risk management DOL 2 (CDOL2)
8E     b   card     Cardholder verification method list
8F     b   card     CA public key index
90     b   card     Issuer public key certificate
91     b   issuer   Issuer authentication data
92     b   card     Issuer public key remainder
93     b   card     Signed static application data
94     b   card     Application file locator
95     b   terminal Terminal verification results
97     b   card     Transaction certificate DOL
98     b   terminal Transaction certificate hash
99     b   terminal Transaction PIN data
9A     n   terminal Transaction date
9B     b   terminal Transaction status information
9C     n   terminal Transaction type
9D     b   card     DDF name
A5     b   card     FCI proprietary template
5F20   ans card     Cardholder name
5F24   n   card     Application expiration date
5F25   n   card     Application effective date
5F28   n   card     Issuer country code
5F2A   n   terminal Transaction currency code
5F2D   an  card     Language preference
5F30   n   card     Service code
5F34   n   card     PAN sequence number
5F36   n   terminal Transaction currency exponent
5F50   ans card     Issuer URL
5F53   b   card     International bank account number
5F54   an  card     Bank identifier code
5F55   an  card     Issuer country code (alpha 2)
5F56   an  card     Issuer country code (alpha 3)
9F01   n   terminal Acquirer identifier
9F02   n   terminal Amount, authorised
9F03   n   terminal Amount, other
9F04   b   terminal Amount, other (binary)
9F05   b   card     Application discretionary data
9F06   b   terminal Application identifier (terminal)
9F07   b   card     Application usage control
9F08   b   card     Application version number (card)
9F09   b   terminal Application version number (terminal)
9F0A   b   card     Application selection registered data
9F0B   ans card     Cardholder name, extended
9F0C   b   card     Issuer identification number, extended
9F0D   b   card     Issuer action code - default
9F0E   b   card     Issuer action code - denial
9F0F   b   card     Issuer action code - online
9F10   b   card     Issuer application data
9F11   n   card     Issuer code table index
9F12   ans card     Application preferred name
9F13   b   card     Last online ATC register
9F14   b   card     Lower consecutive offline limit
9F15   n   terminal Merchant category code
9F16   ans terminal Merchant identifier
9F17   b   card     PIN try counter
9F18   b   issuer   Issuer script identifier
9F19   n   card     Token requestor ID
9F1A   n   terminal Terminal country code
9F1B   b   terminal Terminal floor limit
9F1C   an  terminal Terminal identification
9F1D   b   terminal Terminal risk management data
9F1E   an  terminal Interface device serial number
9F1F   ans card     Track 1 discretionary data
9F20   cn  card     Track 2 discretionary data
9F21   n   terminal Transaction time
9F22   b   terminal CA public key index (terminal)
9F23   b   card     Upper consecutive offline limit
9F24   an  card     Payment account reference
9F25   n   card     Last 4 digits of PAN
9F26   b   card     Application cryptogram
9F27   b   card     Cryptogram information data
9F29   b   card     Extended selection
9F2A   b   card     Kernel identifier
9F2D   b   card     ICC PIN encipherment key certificate
9F2E   b   card     ICC PIN encipherment key exponent
9F2F   b   card     ICC PIN encipherment key remainder
9F32   b   card     Issuer public key exponent
9F33   b   terminal Terminal capabilities
9F34   b   terminal CVM results
9F35   n   terminal Terminal type
9F36   b   card     Application transaction counter
9F37   b   terminal Unpredictable number
9F38   b   card     Processing options DOL (PDOL)
9F39   n   terminal Point-of-service entry mode
9F3A   b   terminal Amount, reference currency
9F3B   n   card     Application reference currency
9F3C   n   terminal Transaction reference currency
9F3D   n   terminal Transaction reference currency exponent
9F40   b   terminal Additional terminal capabilities
9F41   n   terminal Transaction sequence counter
9F42   n   card     Application currency code
9F43   n   card     Application reference currency exponent
9F44   n   card     Application currency exponent
9F45   b   card     Data authentication code
9F46   b   card     ICC public key certificate
9F47   b   card     ICC public key exponent
9F48   b   card     ICC public key remainder
9F49   b   card     Dynamic data authentication DOL
9F4A   b   card     Static data authentication tag list
9F4B   b   card     Signed dynamic application data
9F4C   b   card     ICC dynamic number
9F4D   b   card     Log entry
9F4E   ans terminal Merchant name and location
9F4F   b   card     Log format
9F50   b   card     Offline accumulator balance
9F51   b   card     DRDOL / application currency code
9F52   b   card     Application default action / terminal compatibility indicator
9F53   b   terminal Transaction category code / terminal interchange profile
9F54   b   card     Cumulative transaction amount limit
9F55   b   card     Geographic indicator
9F56   b   card     Issuer authentication indicator
9F57   n   card     Issuer country code (card risk management)
9F58   b   card     Lower consecutive offline limit (card)
9F59   b   card     Upper consecutive offline limit (card)
9F5A   b   card     Application program identifier
9F5B   b   issuer   Issuer script results
9F5C   b   card     Upper cumulative offline amount limit
9F5D   b   card     Available offline spending amount / application capabilities
9F5E   b   card     Data storage identifier
9F5F   b   card     DS slot availability
9F60   b   card     CVC3 (track 1)
9F61   b   card     CVC3 (track 2)
9F62   b   card     Track 1 bit map for CVC3
9F63   b   card     Track 1 bit map for UN and ATC / product identification
9F64   b   card     Track 1 number of ATC digits
9F65   b   card     Track 2 bit map for CVC3
9F66   b   terminal Terminal transaction qualifiers
9F67   b   card     Track 2 number of ATC digits
9F68   b   card     Card additional processes
9F69   b   card     Card authentication related data / UDOL
9F6A   n   terminal Unpredictable number (numeric)
9F6B   b   card     Track 2 data / card CVM limit
9F6C   b   card     Card transaction qualifiers
9F6D   b   terminal Contactless reader capabilities / mag-stripe version
9F6E   b   card     Form factor indicator / third party data / reader capabilities
9F6F   b   card     DS slot management control
9F70   b   card     Protected data envelope 1
9F71   b   card     Mobile CVM results / protected data envelope 2
9F72   b   card     Protected data envelope 3
9F73   b   card     Protected data envelope 4
9F74   an  card     VLP issuer authorisation code
9F75   b   card     Unprotected data envelope 1
9F76   b   terminal Terminal transaction data
9F77   n   card     VLP funds limit
9F78   n   card     VLP single transaction limit
9F79   n   card     VLP available funds
9F7A   b   terminal VLP terminal support indicator
9F7B   b   terminal VLP terminal transaction limit
9F7C   b   card     Customer exclusive data / merchant custom data
9F7D   b   card     DS summary 1
9F7E   b   terminal Mobile support indicator
9F7F   b   card     Card production life cycle data
BF0C   b   card     FCI issuer discretionary data
DF4B   b   card     POS cardholder interaction information
DF60   b   card     DS input (card)
DF61   b   card     DS digest H
DF62   b   card     DS ODS info
DF63   b   card     DS ODS term
DF8101 b   terminal DS summary 2
DF8102 b   terminal DS summary 3
DF8104 n   terminal Balance read before GENERATE AC
DF8105 n   terminal Balance read after GENERATE AC
DF8106 b   terminal Data needed
DF8107 b   terminal CDOL1 related data
DF8108 b   terminal DS AC type
DF8109 b   terminal DS input (terminal)
DF810A b   terminal DS ODS info for reader
DF810B b   terminal DS summary status
DF810C b   terminal Kernel identifier
DF810D b   terminal DSVN term
DF810E b   terminal Post-GENERATE AC PUT DATA status
DF810F b   terminal Pre-GENERATE AC PUT DATA status
DF8110 b   terminal Proceed to first write flag
DF8111 b   terminal PDOL related data
DF8112 b   terminal Tags to read
DF8113 b   terminal DRDOL related data
DF8114 b   terminal Reference control parameter
DF8115 b   terminal Error indication
DF8116 b   terminal User interface request data
DF8117 b   terminal Card data input capability
DF8118 b   terminal CVM capability, CVM required
DF8119 b   terminal CVM capability, no CVM required
DF811A b   terminal Default UDOL
DF811B b   terminal Kernel configuration
DF811C b   terminal Maximum lifetime of torn transaction records
DF811D b   terminal Maximum number of torn transaction records
DF811E b   terminal Mag-stripe CVM capability, CVM required
DF811F b   terminal Security capability
DF8120 b   terminal Terminal action code - default
DF8121 b   terminal Terminal action code - denial
DF8122 b   terminal Terminal action code - online
DF8123 n   terminal Reader contactless floor limit
DF8124 n   terminal Reader contactless transaction limit (no on-device CVM)
DF8125 n   terminal Reader contactless transaction limit (on-device CVM)
DF8126 n   terminal Reader CVM required limit
DF8127 b   terminal Time-out value
DF8128 b   terminal IDS status
DF8129 b   terminal Outcome parameter set
DF812A b   card     DD card (track 1)
DF812B b   card     DD card (track 2)
DF812C b   terminal Mag-stripe CVM capability, no CVM required
DF812D b   terminal Message hold time
DF8130 b   terminal Hold time value
DF8131 b   terminal Phone message table
DF8132 b   terminal Minimum relay resistance grace period
DF8133 b   terminal Maximum relay resistance grace period
DF8134 b   terminal Expected transmission time, relay resistance command
DF8135 b   terminal Expected transmission time, relay resistance answer
DF8136 b   terminal Relay resistance accuracy threshold
DF8137 b   terminal Relay resistance time mismatch threshold
DF8301 b   terminal Terminal relay resistance entropy
DF8302 b   card     Device relay resistance entropy
DF8303 b   card     Minimum time for processing the relay resistance command
DF8304 b   card     Maximum time for processing the relay resistance command
DF8305 b   card     Device estimated transmission time
DF8306 b   terminal Measured relay resistance processing time
DF8307 b   terminal Relay resistance counter
FF8101 b   terminal Torn record
FF8102 b   terminal Tags to write before GENERATE AC
FF8103 b   terminal Tags to write after GENERATE AC
FF8104 b   terminal Data to send
FF8105 b   terminal Data record
FF8106 b   terminal Discretionary data
"""

_OF_A_SCHEME = """
visa       9F50 Cumulative total transaction amount
visa       9F51 Application currency code
visa       9F52 Application default action
visa       9F53 Consecutive transaction limit (international)
visa       9F5D Available offline spending amount
visa       9F69 Card authentication related data
visa       9F6E Form factor indicator
visa       9F7C Customer exclusive data
mastercard 9F51 DRDOL
mastercard 9F53 Transaction category code
mastercard 9F5D Application capabilities information
mastercard 9F63 Track 1 bit map for UN and ATC
mastercard 9F66 Track 2 bit map for UN and ATC
mastercard 9F69 UDOL
mastercard 9F6B Track 2 data
mastercard 9F6D Mag-stripe application version number (reader)
mastercard 9F6E Third party data
mastercard 9F71 Protected data envelope 2
mastercard 9F7C Merchant custom data
amex       9F6D Contactless reader capabilities
amex       9F6E Enhanced contactless reader capabilities
amex       9F70 Card interface and payment capabilities
amex       9F71 Mobile CVM results
jcb        9F52 Terminal compatibility indicator
jcb        9F53 Terminal interchange profile
discover   9F71 Card processing requirements
unionpay   9F51 Application currency code
unionpay   9F5D Available offline spending amount
unionpay   9F63 Product identification
unionpay   9F69 Card authentication related data
unionpay   9F6B Card CVM limit
unionpay   9F6D Electronic cash reset threshold
unionpay   9F74 Electronic cash issuer authorisation code
unionpay   9F77 Electronic cash balance limit
unionpay   9F78 Electronic cash single transaction limit
unionpay   9F79 Electronic cash balance
unionpay   9F7A Electronic cash terminal support indicator
"""

ELEMENTS: dict[int, Element] = {}
for _line in _TEXT.strip().splitlines():
    _tag, _format, _source, _title = _line.split(maxsplit=3)
    ELEMENTS[int(_tag, 16)] = Element(_title, _format, _source)

SCHEME_TITLES: dict[tuple[str, int], str] = {}
for _line in _OF_A_SCHEME.strip().splitlines():
    _scheme, _tag, _title = _line.split(maxsplit=2)
    SCHEME_TITLES[_scheme, int(_tag, 16)] = _title


def title(tag: int, scheme: str = "") -> str:
    """What `tag` is called, by `scheme` ("visa") where its schemes do not agree."""
    return SCHEME_TITLES.get((scheme, tag)) or ELEMENTS.get(tag, UNKNOWN).title
