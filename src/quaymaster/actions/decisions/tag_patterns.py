"""Patterns that are searched for in the tags of versions; users write them, RE2 reads them."""

from collections.abc import Iterable

import re2
import structlog

from quaymaster.domain.plan import ArtifactMatches, StagePlan
from quaymaster.domain.release import Release

_QUIETLY = re2.Options()
_QUIETLY.log_errors = False

_log = structlog.get_logger(__name__)


def found(pattern: str, tag: str) -> bool:
    """Whether a user's pattern occurs in a tag; one that is none occurs nowhere."""
    try:
        return re2.search(pattern, tag, _QUIETLY) is not None
    except re2.error as error:
        _log.warning("a tag filter is no pattern", pattern=pattern, reason=str(error))
        return False


def hits(stages: Iterable[StagePlan], release: Release) -> frozenset[tuple[str, str]]:
    """What the tag patterns of these stages' conditions find in the versions that the release
    carries: pairs of pattern and tag (SEMANTICS 8.5)."""
    return frozenset(
        (condition.filter.tag_pattern, tag)
        for stage in stages
        for condition in stage.conditions
        if isinstance(condition, ArtifactMatches) and condition.filter.tag_pattern
        for artifact in release.artifacts
        if artifact.alias == condition.alias
        for tag in artifact.tags
        if found(condition.filter.tag_pattern, tag)
    )
