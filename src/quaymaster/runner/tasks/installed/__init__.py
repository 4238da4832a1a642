"""Tasks that were installed: their declarations, where they are kept, and how they are run."""
