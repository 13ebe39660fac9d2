"""The contactless card: TLV, Entry Point, kernels, outcome.  Knows no driver and no screen."""
