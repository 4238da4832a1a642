"""What can be wrong with an expression: as text (parse) or in use (evaluate)."""

from enum import StrEnum

SHOWN_CHARACTERS = 200


class ErrorKind(StrEnum):
    """The kinds of SEMANTICS 14.2, then those of evaluation."""

    UNRECOGNIZED_VALUE = "UnrecognizedValue"
    UNEXPECTED_SYMBOL = "UnexpectedSymbol"
    EXPECTED_START_PARAMETER = "ExpectedStartParameter"
    EXPECTED_PROPERTY_NAME = "ExpectedPropertyName"
    UNCLOSED_FUNCTION = "UnclosedFunction"
    UNCLOSED_INDEXER = "UnclosedIndexer"
    EXCEEDED_MAX_DEPTH = "ExceededMaxDepth"
    EXCEEDED_MAX_LENGTH = "ExceededMaxLength"
    TYPE_CAST = "TypeCast"
    FORMAT = "Format"
    JSON_PATH = "JsonPath"
    EXCEEDED_MAX_MEMORY = "ExceededMaxMemory"


_SENTENCES = {
    ErrorKind.UNRECOGNIZED_VALUE: "is neither a value nor a known function or name",
    ErrorKind.UNEXPECTED_SYMBOL: "cannot stand here",
    ErrorKind.EXPECTED_START_PARAMETER: "is a function and must be followed by '('",
    ErrorKind.EXPECTED_PROPERTY_NAME: "must be followed by a property name",
    ErrorKind.UNCLOSED_FUNCTION: "is opened with '(' and never closed with ')'",
    ErrorKind.UNCLOSED_INDEXER: "is opened and never closed with ']'",
}


class ExpressionError(Exception):
    """An expression that cannot be read or evaluated.

    `kind` says what is wrong, `token` is the piece of text at fault ("" when it is the whole),
    `position` its offset in characters from the start, 0-based.
    """

    def __init__(self, kind: ErrorKind, token: str, position: int, sentence: str = "") -> None:
        super().__init__(sentence or _sentence(kind, token, position))
        self.kind = kind
        self.token = token
        self.position = position


class EvaluationError(ExpressionError):
    """An expression that reads well and meets a value it cannot work with.

    For kind TypeCast `source` and `target` name the two types; for Format `detail` says which
    rule of format strings is broken. Values are never shown: one of them may be a secret.
    """

    def __init__(
        self,
        kind: ErrorKind,
        sentence: str,
        *,
        source: str = "",
        target: str = "",
        detail: str = "",
    ) -> None:
        super().__init__(kind, "", 0, sentence)
        self.source = source
        self.target = target
        self.detail = detail


def cannot_convert(source: str, target: str) -> EvaluationError:
    """The error of SEMANTICS 14.6: a value of one type does not become another."""
    sentence = f"A value of type {source} cannot be converted to {target}"
    return EvaluationError(ErrorKind.TYPE_CAST, sentence, source=source, target=target)


def _sentence(kind: ErrorKind, token: str, position: int) -> str:
    shown = token if len(token) <= SHOWN_CHARACTERS else f"{token[:SHOWN_CHARACTERS]}…"
    return f"{kind}: '{shown}' at position {position + 1} {_SENTENCES.get(kind, '')}".rstrip()
