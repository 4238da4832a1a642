"""The rules of releasing. Pure: standard library only, no clock, no randomness, no I/O."""
