"""The tasks that the runner knows, one file each."""
