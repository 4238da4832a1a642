"""One step a file, named for what it does."""
