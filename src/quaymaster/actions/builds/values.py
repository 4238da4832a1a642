"""Variables of a build that are computed when it is queued: `$[ … ]`, with counter() (14.10)."""

from collections.abc import Mapping
from dataclasses import replace

from quaymaster.domain.build_dependencies import computed
from quaymaster.domain.errors import Invalid
from quaymaster.domain.expressions import Context, Expression, ExpressionError, as_text
from quaymaster.domain.overrides import Values
from quaymaster.store.builds import counters
from quaymaster.store.postgres.database import Connection

COUNTER = "counter"
Counted = dict[tuple[str, int], int]


async def computed_values(connection: Connection, definition_id: int, values: Values) -> Values:
    """The values with those computed that are written as `$[ … ]`.

    Each counter that is asked for counts on by one, whatever becomes of the build. Raises Invalid
    for an expression that cannot be read or evaluated, naming its variable.
    """
    expressions = _expressions(values.plain)
    if not expressions:
        return values
    plain = {name: value for name, value in values.plain.items() if name not in expressions}
    asked: Counted = {}
    _evaluated(expressions, plain, asked)  # which counters there are; what they gave is left
    counted = {key: await counters.count(connection, definition_id, *key) for key in sorted(asked)}
    return replace(values, plain={**values.plain, **_evaluated(expressions, plain, counted)})


def _expressions(plain: Mapping[str, str]) -> dict[str, Expression]:
    found: dict[str, Expression] = {}
    for name, value in plain.items():
        try:
            expression = computed(value, [COUNTER])
        except ExpressionError as error:
            raise _unusable(name, error) from error
        if expression is not None:
            found[name] = expression
    return found


def _evaluated(
    expressions: Mapping[str, Expression], plain: Mapping[str, str], counted: Counted
) -> dict[str, str]:
    def count(prefix: str, seed: int) -> int:
        return counted.setdefault((prefix, seed), seed)

    context = Context(plain, named={COUNTER: count})
    made: dict[str, str] = {}
    for name, expression in expressions.items():
        try:
            made[name] = as_text(expression.evaluate(context))
        except ExpressionError as error:
            raise _unusable(name, error) from error
    return made


def _unusable(name: str, error: ExpressionError) -> Invalid:
    return Invalid(f"The variable {name[:80]} cannot be computed: {error}. Correct it.")
