"""Takes the values of secret variables out of a definition document (CONTRACT A.5, Secrets)."""

from collections.abc import Mapping
from typing import Any

Document = dict[str, Any]

# What clients show in place of a secret, and send back when nobody typed another one.
MASKS = frozenset({"***", "********"})


def split_secrets(
    document: Document, previous: Mapping[str, str]
) -> tuple[Document, dict[str, str]]:
    """The document with a null for each secret, and the secrets beside it.

    The secrets are named `variables/NAME` and `environments/<id>/variables/NAME`; stages must
    have their ids. A text replaces the secret stored before; null, nothing or a mask keeps it (also
    SEMANTICS 1.3); a variable that is no secret any more loses it. Names of `previous` are found
    in any case.
    """
    stored = {key.lower(): value for key, value in previous.items()}
    secrets: dict[str, str] = {}
    made = _without_values(document, "variables", stored, secrets)
    stages = made.get("environments")
    if isinstance(stages, list):
        made["environments"] = [
            _without_values(stage, f"environments/{stage.get('id')}/variables", stored, secrets)
            if isinstance(stage, dict)
            else stage
            for stage in stages
        ]
    return made, secrets


def _without_values(
    owner: Document, place: str, stored: Mapping[str, str], secrets: dict[str, str]
) -> Document:
    variables = owner.get("variables")
    if not isinstance(variables, dict):
        return dict(owner)
    kept = {}
    for name, variable in variables.items():
        kept[name] = variable
        if isinstance(variable, dict) and is_secret(variable):
            key = f"{place}/{name}"
            value = variable.get("value")
            given = isinstance(value, str) and value and value not in MASKS
            secret = value if given else stored.get(key.lower())
            if secret is not None:
                secrets[key] = secret
            kept[name] = {**variable, "value": None}
    return {**owner, "variables": kept}


def is_secret(variable: Mapping[str, Any]) -> bool:
    """Whether a variable is to be kept secret; what cannot be read as a boolean counts as yes."""
    return variable.get("isSecret") not in (None, False)
