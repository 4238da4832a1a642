"""Jobs of releases and of builds, as their workers ask for them and report on them."""
