"""The sandbox acquirer and the issuers behind it: ISO 8583 over TLS, a ledger, awkward behaviour
on request.
"""
