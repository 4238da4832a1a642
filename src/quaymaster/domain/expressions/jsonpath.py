"""jsonpath('$.items[*].id'): finding values in a server task's answer (SEMANTICS 20.4)."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import ge, gt, le, lt
from typing import Any, TypeAlias

from quaymaster.domain.expressions.arguments import ITEM_WORK
from quaymaster.domain.expressions.errors import ErrorKind, EvaluationError
from quaymaster.domain.expressions.values import Value

Charge: TypeAlias = Callable[[int], None]
Selector: TypeAlias = Callable[[Any], Iterator[Any]]

_QUOTED = r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\""
# Blanks are never given back (`*+`): else long rows of them would be tried in every division.
_STEP = re.compile(
    r"(?P<deep>\.\.)?\.?"
    r"(?:(?P<name>(?<=\.)[^.\[\]'\"\s()*?@$,:]+)"
    r"|(?P<all>(?<=\.)\*|\[\s*+\*\s*+\])"
    rf"|\[\s*+(?P<keys>(?:{_QUOTED})(?:\s*+,\s*+(?:{_QUOTED}))*)\s*+\]"
    r"|\[\s*+(?P<places>-?[0-9]{1,9}(?:\s*+,\s*+-?[0-9]{1,9})*)\s*+\]"
    r"|\[\s*+(?P<slice>(?:-?[0-9]{1,9})?\s*+:\s*+(?:-?[0-9]{1,9})?(?:\s*+:\s*+(?:[0-9]{1,9})?)?)"
    r"\s*+\]"
    rf"|\[\s*+\?\s*+\(\s*+(?P<filter>(?:{_QUOTED}|[^'\")])*)\)\s*+\])"
)
_TEST = re.compile(
    r"\s*+@(?P<path>(?:\.[^.\[\]'\"\s()=!<>&|]+|\[(?:'[^']*'|[0-9]{1,9})\])*)\s*+"
    rf"(?:(?P<operator>==|!=|<=|>=|<|>)\s*+(?P<literal>{_QUOTED}|-?[0-9]+(?:\.[0-9]+)?|true|false"
    r"|null)\s*+)?(?P<joint>&&|\|\||$)"
)
_INSIDE = re.compile(r"\.([^.\[]+)|\[(?:'([^']*)'|([0-9]+))\]")
_ORDERS = {"<": lt, "<=": le, ">": gt, ">=": ge}
_WORDS = {"true": True, "false": False, "null": None}


@dataclass(frozen=True, slots=True)
class _Step:
    """One step of a path; a deep one looks at everything below as well."""

    select: Selector
    deep: bool


def select(root: Value, path: str, charge: Charge) -> list[Any]:
    """Every value the path finds, in document order.

    Known are `$`, `.name`, `..`, `*`, `['name']`, `[0]`, `[-1]`, lists and slices of those, and
    filters `[?(@.name == 'x' && @.size > 3)]`; a path may leave out the leading `$.`. Raises
    EvaluationError JsonPath when it reads otherwise. `charge` is told of the work, as for so many
    characters.
    """
    found: list[Any] = [root]
    for step in _steps(path):
        if step.deep:
            found = list(_with_all_below(found, charge))
        found = [value for holder in found for value in step.select(holder)]
        charge(ITEM_WORK * len(found))
    return found


def _steps(path: str) -> Iterator[_Step]:
    text = path.strip().removeprefix("$")
    if text and text[0] not in ".[":
        text = f".{text}"
    position = 0
    while position < len(text):
        step = _STEP.match(text, position)
        if step is None or step.end() == position:
            raise _unreadable(text[position:])
        yield _Step(_selector(step), step["deep"] is not None)
        position = step.end()


def _selector(step: re.Match[str]) -> Selector:
    if step["all"]:
        return _children
    if step["filter"] is not None:
        return _filter(step["filter"])
    if step["slice"] is not None:
        return _slice(step["slice"])
    if step["places"]:
        places = [int(place) for place in step["places"].split(",")]
        return lambda holder: (holder[place] for place in places if _has_place(holder, place))
    keys = [step["name"]] if step["name"] else _unquoted_all(step["keys"])
    return lambda holder: (
        holder[key] for key in keys if isinstance(holder, Mapping) and key in holder
    )


def _children(holder: Any) -> Iterator[Any]:
    if isinstance(holder, Mapping):
        yield from holder.values()
    elif _is_array(holder):
        yield from holder


def _slice(written: str) -> Selector:
    start, stop, step = [
        *(int(part) if part.strip() else None for part in written.split(":")),
        None,
    ][:3]
    if step == 0:
        raise _unreadable(f"[{written}]")
    return lambda holder: iter(holder[start:stop:step] if _is_array(holder) else ())


def _filter(written: str) -> Selector:
    """Children for which one of the `||` alternatives holds, each a row of `&&` tests."""
    alternatives: list[list[Callable[[Any], bool]]] = [[]]
    position, joint = 0, "&&"
    while joint:
        test = _TEST.match(written, position)
        if test is None:
            raise _unreadable(f"[?({written[position:]})]")
        if joint == "||":
            alternatives.append([])
        alternatives[-1].append(_test(test))
        position, joint = test.end(), test["joint"]
    return lambda holder: (
        child
        for child in _children(holder)
        if any(all(holds(child) for holds in tests) for tests in alternatives)
    )


def _test(test: re.Match[str]) -> Callable[[Any], bool]:
    inside = [
        int(place) if place else name or quoted
        for name, quoted, place in _INSIDE.findall(test["path"])
    ]
    operator = test["operator"]
    if operator is None:
        return lambda child: _inside(child, inside)[0]
    literal = _literal(test["literal"])
    return lambda child: _holds(*_inside(child, inside), operator, literal)


def _inside(value: Any, steps: Sequence[int | str]) -> tuple[bool, Any]:
    """Whether there is a value at the end of these steps, and which."""
    for step in steps:
        in_object = isinstance(step, str) and isinstance(value, Mapping) and step in value
        in_array = isinstance(step, int) and _has_place(value, step)
        if not in_object and not in_array:
            return False, None
        value = value[step]
    return True, value


def _holds(present: bool, value: Any, operator: str, literal: Any) -> bool:
    if not present:
        return False
    if operator in ("==", "!="):
        same = value == literal and isinstance(value, bool) is isinstance(literal, bool)
        return same is (operator == "==")
    if not _comparable(value, literal):
        return False
    return bool(_ORDERS[operator](value, literal))


def _comparable(value: Any, literal: Any) -> bool:
    both_text = isinstance(value, str) and isinstance(literal, str)
    numbers = [part for part in (value, literal) if isinstance(part, int | float)]
    return both_text or (len(numbers) == 2 and bool not in map(type, numbers))


def _literal(written: str) -> Any:
    if written in _WORDS:
        return _WORDS[written]
    return _unquoted(written) if written[0] in "'\"" else float(written)


def _unquoted_all(written: str) -> list[str]:
    return [_unquoted(quoted) for quoted in re.findall(_QUOTED, written)]


def _unquoted(quoted: str) -> str:
    return re.sub(r"\\(.)", r"\1", quoted[1:-1], flags=re.DOTALL)


def _with_all_below(holders: Sequence[Any], charge: Charge) -> Iterator[Any]:
    """Each value and all below it, in document order."""
    pending = list(reversed(holders))
    while pending:
        value = pending.pop()
        yield value
        children = list(_children(value))
        charge(ITEM_WORK * (1 + len(children)))
        pending.extend(reversed(children))


def _is_array(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str)


def _has_place(value: Any, place: int) -> bool:
    return _is_array(value) and -len(value) <= place < len(value)


def _unreadable(rest: str) -> EvaluationError:
    return EvaluationError(ErrorKind.JSON_PATH, f"jsonpath() cannot read from here: {rest[:80]}")
