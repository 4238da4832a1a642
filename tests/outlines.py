"""Outlines of stages, such as "Dev → QA; Dev → Load; QA → Prod; Load → Prod"."""


def waits_for(outline: str) -> dict[str, list[str]]:
    """The stages that each stage comes after, none for those that start with the release."""
    before: dict[str, list[str]] = {}
    for chain in outline.split(";"):
        names = [name.strip() for name in chain.split("→")]
        for previous, name in zip([None, *names], names, strict=False):
            before.setdefault(name, [])
            if previous and previous not in before[name]:
                before[name].append(previous)
    return before
