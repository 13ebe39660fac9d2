"""Keys and what is done with them: AES modes, CMAC, DUKPT, key store."""
