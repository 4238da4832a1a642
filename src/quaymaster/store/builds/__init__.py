"""Builds: locked and loaded, shown and listed, with their files and how long they are kept."""
