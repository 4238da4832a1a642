"""The running product, driven by the unmodified clients of others."""
