"""Quaymaster: a self-hosted release manager."""
