"""The build area over HTTP."""
