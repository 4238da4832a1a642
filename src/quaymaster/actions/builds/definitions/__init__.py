"""What builds are made of: their definitions, templates, sources and folders."""
