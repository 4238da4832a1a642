"""The tests read like the specification they hold the product to."""
