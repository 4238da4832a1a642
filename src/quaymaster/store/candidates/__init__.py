"""Candidates and their repositories: versions, picks, pull requests, workflows."""
