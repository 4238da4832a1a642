"""Compiles how long builds of a definition are kept (`retentionRules`, SEMANTICS 22.1, 23.7)."""

from quaymaster.domain.build_retention import BuildRule
from quaymaster.plans.reading import Node

MOST_DAYS = 36_500
SOURCE_LABEL = "build.SourceLabel"  # a label in the repository, which is none of the artifacts
USUAL = BuildRule()


def retention_rules(definition: Node) -> tuple[BuildRule, ...]:
    """The rules in their order; the first one that names a build's branch counts for it.

    What lies elsewhere (`artifactTypesToDelete`) is not ours to delete, and builds have no test
    results of their own.
    """
    if not isinstance(definition.value.get("retentionRules"), list):
        return ()
    return tuple(_rule(node) for node in definition.objects("retentionRules"))


def _rule(node: Node) -> BuildRule:
    listed = node.texts("artifacts")
    return BuildRule(
        branches=node.texts("branches"),
        days=node.whole("daysToKeep", USUAL.days, most=MOST_DAYS),
        minimum=node.whole("minimumToKeep", USUAL.minimum, most=MOST_DAYS),
        deletes_record=node.flag("deleteBuildRecord", True),
        artifacts=tuple(name for name in listed if name != SOURCE_LABEL),
    )
