"""Brings the chosen versions of a release's artifacts into the workspace."""
