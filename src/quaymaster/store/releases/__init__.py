"""Releases: locked and loaded, saved, shown and listed."""
