"""Times as sources write them."""

from datetime import UTC, datetime
from typing import Any


def moment(value: Any) -> datetime | None:
    """ISO 8601 text or milliseconds since the epoch as a time in UTC; None when it is neither."""
    try:
        if isinstance(value, str):
            found = datetime.fromisoformat(value)
            return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
        if isinstance(value, int) and not isinstance(value, bool):
            return datetime.fromtimestamp(value / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        return None  # a source that writes its times in another way has none for us
    return None
