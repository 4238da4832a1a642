"""Releases: made, edited, looked up, and deleted when their time is over."""
