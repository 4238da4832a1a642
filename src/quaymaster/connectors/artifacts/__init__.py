"""Where releases take their artifact versions from, one module a kind of source."""
