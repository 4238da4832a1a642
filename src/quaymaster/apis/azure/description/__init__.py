"""The published description of this contract: OpenAPI 3.1, made from the routes themselves."""
