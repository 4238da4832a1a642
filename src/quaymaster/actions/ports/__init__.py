"""The outside world as the actions need it; connectors implement these protocols."""
