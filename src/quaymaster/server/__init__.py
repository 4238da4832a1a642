"""Composition root and the embedded PostgreSQL."""
