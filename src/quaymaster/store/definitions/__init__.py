"""Definitions of releases and of builds, their plans, lists, templates and folders."""
