"""The GraphQL view of projects, releases and deployments, beside the REST calls (AVIATOR 8)."""
