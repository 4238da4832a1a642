"""Inward doors for machines."""
