"""Builds: queued, changed in one place, looked up and explained."""
