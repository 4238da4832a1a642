"""Small servers that speak the published protocols of artifact sources."""
