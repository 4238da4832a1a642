"""The expression language of conditions, gates and server tasks (SEMANTICS 14)."""

from quaymaster.domain.expressions.context import Context
from quaymaster.domain.expressions.errors import ErrorKind, EvaluationError, ExpressionError
from quaymaster.domain.expressions.evaluate import (
    ConditionResult,
    Expression,
    evaluate_condition,
    parse,
)
from quaymaster.domain.expressions.values import Value, Version, as_text, is_true

__all__ = [
    "ConditionResult",
    "Context",
    "ErrorKind",
    "EvaluationError",
    "Expression",
    "ExpressionError",
    "Value",
    "Version",
    "as_text",
    "evaluate_condition",
    "is_true",
    "parse",
]
