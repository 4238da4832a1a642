"""What follows from a release's state, one file a subject."""
