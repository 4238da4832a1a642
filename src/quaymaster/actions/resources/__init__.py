"""What a project holds for its definitions and jobs, and who may use it."""
