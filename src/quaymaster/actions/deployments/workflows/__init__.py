"""Workflows outside that build and deploy."""
