"""The one place where a release changes, what a decision reads and what it asks for next."""
