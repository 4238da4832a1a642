"""Repositories that are released under versions, their commits and pull requests."""
