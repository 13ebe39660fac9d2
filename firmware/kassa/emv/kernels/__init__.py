"""EMV contactless kernels, one a scheme."""
