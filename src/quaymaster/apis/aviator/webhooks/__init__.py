"""Webhooks out: what happens to a project, told in the words of this contract (AVIATOR 2, 7)."""
