"""The data elements the kernels name, how they are written into a DOL, and how long a card's may
be.

The complete dictionary with titles is the host tools' (`host_tools/lens/elements.py`): the
device has no use for it. Sources: EMV 4.3 Book 3 Annex A, EMV Contactless Book C-2 Annex A, Book
C-3 Annex A.
"""

# Files and selection
AID_CARD = 0x4F
DF_NAME = 0x84
FCI_TEMPLATE = 0x6F
FCI_PROPRIETARY = 0xA5
FCI_ISSUER_DATA = 0xBF0C
DIRECTORY_ENTRY = 0x61
LABEL = 0x50
PREFERRED_NAME = 0x9F12
CODE_TABLE = 0x9F11
PRIORITY = 0x87
KERNEL_ID = 0x9F2A
EXTENDED_SELECTION = 0x9F29
LANGUAGES = 0x5F2D
PDOL = 0x9F38

# The card
PAN = 0x5A
PSN = 0x5F34
TRACK2 = 0x57
EXPIRY = 0x5F24
EFFECTIVE = 0x5F25
ISSUER_COUNTRY = 0x5F28
AIP = 0x82
AFL = 0x94
ATC = 0x9F36
CRYPTOGRAM = 0x9F26
CID = 0x9F27
IAD = 0x9F10
CDOL1 = 0x8C
CVM_LIST = 0x8E
USAGE_CONTROL = 0x9F07
VERSION_CARD = 0x9F08
CURRENCY_CARD = 0x9F42
IAC_DEFAULT = 0x9F0D
IAC_DENIAL = 0x9F0E
IAC_ONLINE = 0x9F0F
FORM_FACTOR = 0x9F6E
CUSTOMER_EXCLUSIVE = 0x9F7C
CTQ = 0x9F6C
FDDA = 0x9F69
PROGRAM_ID = 0x9F5A
DRDOL = 0x9F51
INTERACTION = 0xDF4B
CA_KEY_INDEX = 0x8F
ISSUER_CERTIFICATE = 0x90
ISSUER_EXPONENT = 0x9F32
ICC_CERTIFICATE = 0x9F46
ICC_EXPONENT = 0x9F47
SDA_TAGS = 0x9F4A
SIGNED_DYNAMIC = 0x9F4B

# The terminal
TTQ = 0x9F66
AMOUNT = 0x9F02
AMOUNT_OTHER = 0x9F03
AMOUNT_BINARY = 0x81
AMOUNT_OTHER_BINARY = 0x9F04
AID_TERMINAL = 0x9F06
COUNTRY = 0x9F1A
CURRENCY = 0x5F2A
CURRENCY_EXPONENT = 0x5F36
DATE = 0x9A
TIME = 0x9F21
TYPE = 0x9C
UNPREDICTABLE = 0x9F37
COUNTER = 0x9F41
TVR = 0x95
CVM_RESULTS = 0x9F34
CAPABILITIES = 0x9F33
ADDITIONAL_CAPABILITIES = 0x9F40
TERMINAL_TYPE = 0x9F35
DEVICE_SERIAL = 0x9F1E
MERCHANT_CATEGORY = 0x9F15
VERSION_TERMINAL = 0x9F09

# The issuer's answer
RESPONSE_CODE = 0x8A
ISSUER_AUTHENTICATION = 0x91
SCRIPT_BEFORE = 0x71
SCRIPT_AFTER = 0x72
SCRIPT_COMMAND = 0x86

# D-3: numeric elements are right-aligned in a DOL, all others left-aligned ...
NUMERIC = frozenset(
    (
        AMOUNT,
        AMOUNT_OTHER,
        COUNTRY,
        CURRENCY,
        CURRENCY_EXPONENT,
        DATE,
        TIME,
        TYPE,
        COUNTER,
        TERMINAL_TYPE,
        MERCHANT_CATEGORY,
        EXPIRY,
        EFFECTIVE,
        ISSUER_COUNTRY,
        PSN,
        CURRENCY_CARD,
        CODE_TABLE,
        0x5F30,  # service code
        0x9F01,  # acquirer identifier
        0x9F39,  # point-of-service entry mode
        0x9F3D,  # reference currency exponent
        0x9F44,  # application currency exponent
    )
)
# ... and compressed numeric ones are filled with F on the right (EMV 4.3 Book 3, 5.4).
COMPRESSED = frozenset((PAN, 0x9F20))

# What is the terminal's to say: a card's own idea of these is never taken.
TERMINAL = frozenset(
    (
        TTQ,
        AMOUNT,
        AMOUNT_OTHER,
        AMOUNT_BINARY,
        AMOUNT_OTHER_BINARY,
        AID_TERMINAL,
        COUNTRY,
        CURRENCY,
        CURRENCY_EXPONENT,
        DATE,
        TIME,
        TYPE,
        UNPREDICTABLE,
        COUNTER,
        TVR,
        CVM_RESULTS,
        CAPABILITIES,
        ADDITIONAL_CAPABILITIES,
        TERMINAL_TYPE,
        DEVICE_SERIAL,
        MERCHANT_CATEGORY,
        VERSION_TERMINAL,
    )
)

# Three bytes of digits each, YYMMDD.
DATES = frozenset((EXPIRY, EFFECTIVE))

# Bytes a card's element may have (least, most); another length is a parsing error (EMV 4.3 Book 3
# Annex A, Books C-2 and C-3 Annex A).  Of what offline data authentication uses only the most:
# what is too short fails there (ODA-8).  An AFL of other than whole entries and a CVM list with
# half a rule are found where they are read.
LENGTHS = {
    LABEL: (1, 16),
    PAN: (4, 10),
    PSN: (1, 1),
    TRACK2: (5, 19),
    0x5F20: (1, 26),  # cardholder name
    EXPIRY: (3, 3),
    EFFECTIVE: (3, 3),
    ISSUER_COUNTRY: (2, 2),
    0x5F30: (2, 2),  # service code
    AIP: (2, 2),
    AFL: (4, 248),
    ATC: (2, 2),
    CRYPTOGRAM: (8, 8),
    CID: (1, 1),
    IAD: (1, 32),
    CDOL1: (2, 250),
    0x8D: (2, 250),  # CDOL2
    CVM_LIST: (8, 250),
    USAGE_CONTROL: (2, 2),
    VERSION_CARD: (2, 2),
    0x9F14: (1, 1),  # lower and
    0x9F23: (1, 1),  # upper consecutive offline limit
    0x9F1F: (1, 54),  # track 1 discretionary data
    CURRENCY_CARD: (2, 2),
    0x9F44: (1, 1),  # its exponent
    IAC_DEFAULT: (5, 5),
    IAC_DENIAL: (5, 5),
    IAC_ONLINE: (5, 5),
    FORM_FACTOR: (4, 32),
    CUSTOMER_EXCLUSIVE: (1, 32),
    CTQ: (2, 2),
    FDDA: (5, 16),
    DRDOL: (2, 250),
    INTERACTION: (3, 3),
    CA_KEY_INDEX: (1, 1),
    ISSUER_CERTIFICATE: (1, 248),
    ISSUER_EXPONENT: (1, 3),
    0x92: (1, 248),  # issuer key remainder
    0x93: (1, 248),  # signed static data
    ICC_CERTIFICATE: (1, 248),
    ICC_EXPONENT: (1, 3),
    0x9F48: (1, 248),  # ICC key remainder
    0x9F49: (2, 250),  # DDOL
    SDA_TAGS: (1, 250),
    SIGNED_DYNAMIC: (1, 248),
    0x9F45: (2, 2),  # data authentication code
    0x9F4C: (2, 8),  # ICC dynamic number
    0x9F5D: (3, 6),  # application capabilities, or available offline spending amount
}
