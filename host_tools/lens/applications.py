"""Payment applications by their identifier (ISO/IEC 7816-5): what 4F, 84 and 9F06 say."""

from __future__ import annotations

# RID -> the scheme as Kassa's configuration calls it ("" where it has none), and its name
_PROVIDERS = """
A000000003 visa       Visa
A000000098 visa       Visa (US)
A000000004 mastercard Mastercard
A000000005 mastercard Mastercard (UK)
A000000025 amex       American Express
A000000790 amex       American Express (China)
A000000065 jcb        JCB
A000000152 discover   Discover
A000000324 discover   Discover Zip
A000000333 unionpay   UnionPay
A000000042 -          Cartes Bancaires
A000000121 -          Dankort
A000000141 -          Bancomat
A000000277 -          Interac
A000000337 -          GIM-UEMOA
A000000359 -          Deutsche Kreditwirtschaft
A000000371 -          Verve
A000000384 -          eftpos (Australia)
A000000524 -          RuPay
A000000658 -          Mir
A000000732 -          Meeza
B012345678 mastercard Mastercard (test)
"""

# the beginning of an AID -> what it is
_PRODUCTS = """
A0000000031010   Visa credit or debit
A0000000032010   Visa Electron
A0000000032020   V PAY
A0000000038010   Visa Plus
A0000000980840   Visa US common debit
A0000000041010   Mastercard credit or debit
A0000000043060   Maestro
A0000000046000   Cirrus
A0000000042203   Mastercard US common debit
A0000000050001   Maestro (UK)
A000000025       American Express
A000000790       American Express (China)
A0000000651010   JCB
A0000001523010   Discover, Diners Club
A0000001524010   Discover US common debit
A0000003241010   Discover Zip
A000000333010101 UnionPay debit
A000000333010102 UnionPay credit
A000000333010103 UnionPay quasi-credit
A000000333010106 UnionPay electronic cash
A000000333010108 UnionPay US common debit
A0000000421010   CB credit or debit
A0000000422010   CB debit
A0000001214711   Visa/Dankort
A0000001214712   Dankort
A0000002771010   Interac debit
A0000003591010028001 girocard
A00000038410     eftpos savings
A00000038420     eftpos cheque
A0000005241010   RuPay
A0000006581010   Mir credit
A0000006582010   Mir debit
"""

PPSE = b"2PAY.SYS.DDF01"
_ENVIRONMENTS = {
    PPSE: "contactless directory (PPSE)",
    b"1PAY.SYS.DDF01": "contact directory (PSE)",
}

PROVIDERS: dict[bytes, tuple[str, str]] = {}
for _line in _PROVIDERS.strip().splitlines():
    _rid, _scheme, _name = _line.split(maxsplit=2)
    PROVIDERS[bytes.fromhex(_rid)] = ("" if _scheme == "-" else _scheme, _name)
PRODUCTS = {
    bytes.fromhex(_aid): _name
    for _aid, _name in (line.split(maxsplit=1) for line in _PRODUCTS.strip().splitlines())
}


def scheme_of(aid: bytes) -> str:
    """The scheme of an application ("visa"), or "" where it is none of ours."""
    return PROVIDERS.get(aid[:5], ("", ""))[0]


def application(aid: bytes) -> str:
    """What an application identifier names; "" where nobody told us."""
    if aid in _ENVIRONMENTS:
        return _ENVIRONMENTS[aid]
    known = [begin for begin in PRODUCTS if aid.startswith(begin)]
    if known:
        return PRODUCTS[max(known, key=len)]
    return PROVIDERS.get(aid[:5], ("", ""))[1]
