"""Tests of how one job runs."""
