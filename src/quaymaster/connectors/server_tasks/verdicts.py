"""Whether an answer means success: its status and the success expression (SEMANTICS 20.3)."""

from typing import Any

import msgspec

from quaymaster.actions.ports.outside import WebAnswer
from quaymaster.connectors.server_tasks.asking import Asking
from quaymaster.domain.expressions import Context, ExpressionError, is_true, parse


def verdict(asking: Asking, answer: WebAnswer) -> str:
    """Why the answer is a failure; empty when it is none.

    What a service says that reports later is judged by its report, and not by the expression.
    """
    problem = by_status(answer)
    return problem if problem or asking.waits else by_expression(asking, answer)


def by_status(answer: WebAnswer) -> str:
    """The same by its status alone, which must be 2xx."""
    return "" if 200 <= answer.status < 300 else f"The answer's status is {answer.status}."


def by_expression(asking: Asking, answer: WebAnswer) -> str:
    """The same by the success expression alone, if there is one."""
    criteria = asking.text("successCriteria")
    if not criteria:
        return ""
    try:
        context = Context(asking.task.variables.texts(), named={"root": root_of(answer)})
        value = parse(criteria, ("root",)).evaluate(context)
    except ExpressionError as error:
        return f"The success expression cannot be evaluated: {error}"
    asking.lines.append(f"Success expression {criteria} is {is_true(value)}")
    return "" if is_true(value) else f"The success expression does not hold: {criteria}"


def root_of(answer: WebAnswer) -> Any:
    """The answer as JSON, or the raw text of one that is not JSON."""
    try:
        return msgspec.json.decode(answer.body)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return answer.body.decode("utf-8", "replace")
