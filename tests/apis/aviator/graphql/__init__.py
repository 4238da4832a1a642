"""The GraphQL view."""
