"""Deliveries in our own plain words, for hooks of repositories that have none of these servers.

`{"repository": "…", "ref": "refs/heads/main", "before": "…", "after": "…", "paths": ["…"],
"pusher": "…", "id": "…"}`; only `repository`, `ref` and `after` are needed.
"""

from typing import Any

from quaymaster.domain.pushes import Push, repository_key
from quaymaster.sources.asking import inside, text_in


def is_plain(body: Any) -> bool:
    """Whether these are our words."""
    return all(isinstance(inside(body, key), str) for key in ("repository", "ref", "after"))


def pushes(body: Any) -> list[Push]:
    """The push that is told."""
    listed = inside(body, "paths")
    paths = tuple(p for p in listed if isinstance(p, str)) if isinstance(listed, list) else None
    ref = text_in(body, "ref")
    return [
        Push(
            repositories=(repository_key(text_in(body, "repository")),),
            ref=ref if ref.startswith("refs/") else f"refs/heads/{ref}",
            commit=text_in(body, "after"),
            before=text_in(body, "before"),
            paths=paths,
            by=text_in(body, "pusher"),
            message=text_in(body, "message"),
        )
    ]
