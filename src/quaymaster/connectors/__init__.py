"""Outward doors behind ports."""
