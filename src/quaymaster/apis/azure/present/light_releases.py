"""Light list entries of releases as JSON, rendered once and joined as bytes (WEB.md B).

An entry is kept under everything that it shows, so that it is rendered anew as soon as any of it
has changed: the release itself, its definition's name, the people, the address it is asked at.
"""

from collections.abc import Hashable

import msgspec

from quaymaster.apis.azure.present import release as present
from quaymaster.apis.azure.present.shown import Shown
from quaymaster.store.release_views import ReleaseHead

MOST = 20_000  # about 40 MB at the usual size of an entry


class LightReleases:
    """The entries that were asked for last; forgets all of them when there are too many."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._kept: dict[Hashable, bytes] = {}

    def entry(self, shown: Shown, head: ReleaseHead) -> bytes:
        """The release as it stands in a list without `$expand`, version 7.1."""
        key = _key(shown, head)
        found = self._kept.get(key)
        if found is None:
            found = msgspec.json.encode(present.head(shown, head))
            if len(self._kept) >= self._most:
                self._kept.clear()
            self._kept[key] = found
        return found


def _key(shown: Shown, head: ReleaseHead) -> Hashable:
    """What the entry shows; artifacts, variables and properties only change with `modified_at`."""
    people = shown.people
    return (
        shown.links.base,
        head.id,
        head.modified_at,
        head.status,
        head.name,
        head.description,
        head.keep_forever,
        head.is_deleted,
        head.tags,
        head.snapshot_revision,
        head.project_name,
        head.definition_name,
        head.definition_path,
        people.get(head.created_by or ""),
        people.get(head.created_for or ""),
        people.get(head.modified_by or ""),
    )
