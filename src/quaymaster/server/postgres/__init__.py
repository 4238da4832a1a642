"""A real PostgreSQL that the product starts, watches and stops itself."""
