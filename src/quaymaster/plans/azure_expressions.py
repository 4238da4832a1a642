"""Checks the conditions of phases and tasks when a definition is saved (SEMANTICS 14)."""

from functools import lru_cache

from quaymaster.domain.expressions import Expression, ExpressionError, parse
from quaymaster.domain.expressions.tree import Call, Named, Node, Path
from quaymaster.plans import reading

REMEMBERED = 256


def condition(owner: reading.Node, key: str = "condition", named: tuple[str, ...] = ()) -> str:
    """The text of a condition, which may look at the values `named`; notes where it cannot be
    read, or is never what it looks like."""
    text = owner.text(key)
    complaint, is_path = _judged(text, named)
    if complaint:
        owner.complain(key, f"the condition cannot be read: {complaint}; correct it")
    if is_path:
        owner.warn(
            key,
            "variables.A.B looks for B inside the variable A and finds nothing; "
            "write variables['A.B']",
        )
    return text


@lru_cache(maxsize=REMEMBERED)
def _judged(text: str, named: tuple[str, ...]) -> tuple[str, bool]:
    """Why a condition cannot be read ("" when it can), and whether a path stands for a name.

    Remembered, because most conditions of most definitions are the same few.
    """
    try:
        return "", _looks_into_variables(parse(text, named))
    except ExpressionError as error:
        return str(error), False


def _looks_into_variables(expression: Expression) -> bool:
    """Whether a name with dots was written as a path, which is always null (UNCERTAIN 4)."""
    pending: list[Node | None] = [expression.tree]
    while pending:
        node = pending.pop()
        match node:
            case Path(base=Named(name=name), steps=steps) if name.lower() == "variables":
                if len(steps) > 1:
                    return True
                pending.extend(steps)
            case Path(base=base, steps=steps):
                pending.extend([base, *steps])
            case Call(arguments=arguments):
                pending.extend(arguments)
            case _:
                continue
    return False
