"""Builds from end to end: real workers, real repositories."""
