"""Tests of what every API shares."""
