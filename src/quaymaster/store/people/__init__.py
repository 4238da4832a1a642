"""People and their projects."""
