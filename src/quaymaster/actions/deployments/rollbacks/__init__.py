"""Bringing an environment back, by itself or because somebody asked."""
