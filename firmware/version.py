"""Which version of the firmware this is; `kassa build` puts the version of its image here."""

VERSION = "0.0.0"
