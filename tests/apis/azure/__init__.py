"""Tests of the Azure DevOps dialect."""
