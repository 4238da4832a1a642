"""Before 3.2: definitions had neither folders nor tags, nor a source (LEGACY 5)."""

from typing import Any

NOT_YET = frozenset({"path", "tags", "source"})


def downgrade(resource: str, body: Any) -> Any:
    """A definition without its folder, tags and source; a release without tags."""
    if resource not in ("definition", "definitionInList", "release") or not isinstance(body, dict):
        return body
    return {key: value for key, value in body.items() if key not in NOT_YET}
