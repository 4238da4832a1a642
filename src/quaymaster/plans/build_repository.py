"""Where a build definition says that its sources are, and how they are to be checked out (22.1)."""

from collections.abc import Mapping

from quaymaster.domain.build_plan import RepositoryPlan
from quaymaster.domain.numbers import digits
from quaymaster.plans.reading import Node, shown

# What `cleanOptions` empties besides the sources, which all of them empty: by number and by word.
_CLEANS_OUTPUTS = {
    "": False,
    "0": False,
    "source": False,
    "1": True,
    "sourceandoutputdir": True,
    "2": False,
    "sourcedir": False,
    "3": True,
    "allbuilddir": True,
}


def repository(node: Node) -> RepositoryPlan:
    """Where the sources are; the checkout's options are texts among the properties."""
    said = _options(node)
    submodules = node.flag("checkoutSubmodules")
    return RepositoryPlan(
        type=node.text("type"),
        id=node.text("id"),
        name=node.text("name"),
        url=node.text("url") or said.get("cloneurl", ""),
        default_branch=node.text("defaultBranch"),
        clean=_cleans(node),
        submodules=submodules,
        nested_submodules=submodules and _is_true(said, "checkoutnestedsubmodules"),
        fetch_depth=digits(said.get("fetchdepth", "").strip(), 8) or 0,
        connection=said.get("connectedserviceid", ""),
        lfs=_is_true(said, "gitlfssupport"),
        fetch_tags=_tags(said.get("fetchtags", "")),
        reports_status=_is_true(said, "reportbuildstatus"),
    )


def is_left_alone(node: Node) -> bool:
    """Whether no job of the designer is to fetch the sources (`skipSyncSource`)."""
    return _is_true(_options(node), "skipsyncsource")


def cleans_outputs(node: Node) -> bool:
    """Whether what builds before have made is emptied with their sources (`cleanOptions`); a word
    that is not published is a problem where `clean` is asked for at all."""
    if not _cleans(node):
        return False
    word = _options(node).get("cleanoptions", "").strip().lower()
    if word not in _CLEANS_OUTPUTS:
        node.object("properties").complain(
            "cleanOptions",
            f"{shown(word)!r} is none of 0 (the sources), 1 (the directory of binaries as well), "
            "2 (the directory of the sources), 3 (both); use one of them",
        )
        return False
    return _CLEANS_OUTPUTS[word]


def _cleans(node: Node) -> bool:
    return node.text("clean").strip().lower() == "true"


def _options(node: Node) -> dict[str, str]:
    """The properties by their names in lower case; anything but an object says nothing."""
    if not isinstance(node.value.get("properties"), dict):
        return {}
    return {name.lower(): value for name, value in node.text_map("properties").items()}


def _is_true(said: Mapping[str, str], name: str) -> bool:
    return said.get(name, "").strip().lower() == "true"


def _tags(word: str) -> bool | None:
    return {"true": True, "false": False}.get(word.strip().lower())
