"""Runs one job: tasks, variables, logging commands, masking, log stream."""
