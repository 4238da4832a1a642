"""Tests of the rules: pure, in milliseconds."""
