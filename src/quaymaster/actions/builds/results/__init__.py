"""What a build leaves behind, and for how long it is kept."""
