"""The build area of the contract: definitions, builds, logs and artifacts."""
