"""Bytes: objects, documents under their digest, and secrets under their seal."""
