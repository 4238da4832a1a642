"""The little language of the walkthroughs: placeholders, paths into bodies, expected answers."""

import json
import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

_PLACEHOLDER = re.compile(r"\$\{([^}]+)\}")
_STEP = re.compile(r"\.?([^.\[\]]+)|\[(\d+)\]|\[\?(\w+)=([^\]]*)\]")
MISSING = object()


def filled(value: Any, saved: Mapping[str, Any]) -> Any:
    """The value with every ${name} replaced; one that stands alone keeps its type."""
    match value:
        case dict():
            return {key: filled(entry, saved) for key, entry in value.items()}
        case list():
            return [filled(entry, saved) for entry in value]
        case str() if whole := _PLACEHOLDER.fullmatch(value):
            return saved[whole.group(1)]
        case str() if value.startswith(("<contains ", "<every ")):
            return value  # what it holds is filled in after it was read
        case str():
            return _PLACEHOLDER.sub(lambda found: str(saved[found.group(1)]), value)
        case _:
            return value


def at(body: Any, path: str) -> Any:
    """What stands at `environments[0].id` or `value[?name=A].id`; MISSING when nothing does."""
    for name, index, key, wanted in _STEP.findall(path.removeprefix("$").removeprefix(".")):
        body = _inside(body, name, index, key, wanted)
        if body is MISSING:
            return MISSING
    return body


def _inside(body: Any, name: str, index: str, key: str, wanted: str) -> Any:
    if name:
        return body.get(name, MISSING) if isinstance(body, dict) else MISSING
    if not isinstance(body, list):
        return MISSING
    if index:
        return body[int(index)] if int(index) < len(body) else MISSING
    return next((entry for entry in body if str(entry.get(key)) == wanted), MISSING)


def put(body: Any, path: str, value: Any) -> None:
    """Set what stands at a path whose parents are there."""
    *_, (name, index, _, _) = _STEP.findall(path)
    parent = at(body, path.removesuffix(f"[{index}]" if index else name).removesuffix("."))
    parent[int(index) if index else name] = value


def differences(
    wanted: Any, got: Any, saved: Mapping[str, Any], where: str = "body"
) -> Iterator[str]:
    """Everything in which an answer is not what was expected; objects may hold more."""
    match wanted:
        case dict():
            yield from _in_object(wanted, got, saved, where)
        case list() if not isinstance(got, list):
            yield f"{where}: expected a list, got {shown(got)}"
        case list() if len(wanted) != len(got):
            yield f"{where}: expected {len(wanted)} entries, got {len(got)}"
        case list():
            for number, entry in enumerate(wanted):
                yield from differences(entry, got[number], saved, f"{where}[{number}]")
        case str() if wanted.startswith("<") and wanted.endswith(">"):
            if problem := _problem(wanted[1:-1], got, saved):
                yield f"{where}: expected {wanted}, {problem}"
        case _ if wanted != got:
            yield f"{where}: expected {shown(wanted)}, got {shown(got)}"


def _in_object(
    wanted: Mapping[str, Any], got: Any, saved: Mapping[str, Any], where: str
) -> Iterator[str]:
    if not isinstance(got, dict):
        yield f"{where}: expected an object, got {shown(got)}"
        return
    for key, entry in wanted.items():
        if key in got:
            yield from differences(entry, got[key], saved, f"{where}.{key}")
        else:
            yield f"{where}.{key}: expected {shown(entry)}, it is missing"


def _problem(rule: str, got: Any, saved: Mapping[str, Any]) -> str:
    """What is wrong by a rule such as `int`, `a|b`, `contains {…}`; "" when nothing is."""
    word, _, rest = rule.partition(" ")
    match word:
        case "contains":
            left = [one for one in _examples(rest, saved) if not _any_like(one, got, saved)]
            return f"nothing like {shown(left)} in {shown(got)}" if left else ""
        case "every":
            (one,) = _examples(rest, saved)
            odd = [entry for entry in got if any(differences(one, entry, saved))]
            return f"not so: {shown(odd)}" if odd else ""
        case "ordered":
            return _disorder(rest, got)
        case _ if word in _TYPES:
            return "" if _is(word, got) else f"got {shown(got)}"
        case _:
            return "" if got in rule.split("|") else f"got {shown(got)}"


def _examples(text: str, saved: Mapping[str, Any]) -> list[Any]:
    found: list[Any] = filled(json.loads(f"[{text}]"), saved)
    return found


def _any_like(example: Any, got: Any, saved: Mapping[str, Any]) -> bool:
    return any(not any(differences(example, entry, saved)) for entry in got)


def _disorder(rule: str, got: list[dict[str, Any]]) -> str:
    _, key, direction = rule.split()
    found = [entry[key] for entry in got]
    right = sorted(found, reverse=direction == "descending")
    return "" if found == right else f"got {found}"


def _is(kind: str, got: Any) -> bool:
    try:
        return bool(_TYPES[kind](got))
    except (ValueError, TypeError, AttributeError):
        return False


_TYPES = {
    "int": lambda got: isinstance(got, int) and not isinstance(got, bool),
    "guid": UUID,
    "time": lambda got: got.endswith("Z") and datetime.fromisoformat(got),
    "text": lambda got: isinstance(got, str) and got,
    "url": lambda got: got.startswith(("http://", "https://")),
}


def shown(value: Any) -> str:
    text = json.dumps(value, default=str)
    return text if len(text) <= 300 else f"{text[:300]}…"
