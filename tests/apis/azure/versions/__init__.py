"""Older versions of the API."""
