"""A newer version over the network."""
