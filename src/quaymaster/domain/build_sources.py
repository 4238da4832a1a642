"""What a Build artifact of a release definition names: a project and build definitions of ours, by
id or by name (SEMANTICS 4.1)."""

from collections.abc import Mapping

from quaymaster.domain.ordinal import upper
from quaymaster.domain.plan import ArtifactPlan

TYPE = "BUILD"
# The way of choosing by the default branch of the build definition, casefolded (SEMANTICS 4.2).
OF_DEFAULT_BRANCH = "latestwithbuilddefinitionbranchandtagstype"


def is_own_build(artifact_type: str, reference: Mapping[str, str]) -> bool:
    """Whether builds of this installation are meant; with a connection it is another's."""
    return upper(artifact_type) == TYPE and not reference.get("connection", "").strip()


def named_project(reference: Mapping[str, str]) -> str:
    """The id or name of the project; "" is the release definition's own."""
    return _text(reference, "project") or _text(reference, "Project")


def named_definitions(reference: Mapping[str, str]) -> tuple[str, ...]:
    """The ids or names of the build definitions: `definitions` where there are several."""
    several = listed(reference.get("definitions", ""))
    return several or (_text(reference, "definition") or _text(reference, "Definition"),)


def build_words(artifact: ArtifactPlan) -> list[str]:
    """By what a build definition that appears later is recognised as one that is meant."""
    if not is_own_build(artifact.type, artifact.reference):
        return []
    named = named_definitions(artifact.reference)
    return sorted({upper(word) for word in (*named, *artifact.named_as) if word})


def listed(text: str) -> tuple[str, ...]:
    """The parts of a list that is written with commas or semicolons."""
    return tuple(part.strip() for part in text.replace(";", ",").split(",") if part.strip())


def _text(reference: Mapping[str, str], key: str) -> str:
    return reference.get(key, "").strip()
