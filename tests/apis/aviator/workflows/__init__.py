"""Builds and deployments that workflows outside do."""
