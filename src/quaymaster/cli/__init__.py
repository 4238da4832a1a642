"""The quaymaster command."""
