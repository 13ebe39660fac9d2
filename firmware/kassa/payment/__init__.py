"""Money: the transaction and its life, authorisation, limits, reversal, batch."""
