"""Before 6.0: a release did not say for whom it was made (CONTRACT C, since 6.0)."""

from typing import Any


def downgrade(resource: str, body: Any) -> Any:
    """A release without `createdFor`."""
    if resource != "release" or not isinstance(body, dict):
        return body
    return {key: value for key, value in body.items() if key != "createdFor"}
