"""The kinds of artifact sources, one suite for all of them."""
