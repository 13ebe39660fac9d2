"""The acquirer: ISO 8583 messages and the link that carries them."""
