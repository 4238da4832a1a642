"""Services outside that run builds and deployments, each over its published API."""
