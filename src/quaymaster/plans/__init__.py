"""Documents compiled to plans."""
