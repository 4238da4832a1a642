"""Reading an expression: tokens to tree, with the engine's own errors (SEMANTICS 14.1, 14.2)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from quaymaster.domain import ordinal
from quaymaster.domain.expressions.errors import ErrorKind, ExpressionError
from quaymaster.domain.expressions.functions import Function, known_functions
from quaymaster.domain.expressions.tokens import START, Token, TokenKind, tokens
from quaymaster.domain.expressions.tree import Call, Literal, Named, Node, Path, Wildcard

MAX_LENGTH = 21_000
MAX_DEPTH = 50

_VALUE_MAY_FOLLOW = (
    TokenKind.START,
    TokenKind.OPEN_CALL,
    TokenKind.OPEN_INDEX,
    TokenKind.SEPARATOR,
)
_LOOKUP_MAY_FOLLOW = (
    TokenKind.CLOSE_CALL,
    TokenKind.CLOSE_INDEX,
    TokenKind.PROPERTY,
    TokenKind.NAMED_VALUE,
    TokenKind.WILDCARD,
)


def parse_tree(text: str, named: Iterable[str] = ()) -> Node | None:
    """The tree of an expression, None for blank text; raises ExpressionError.

    `named` are the names of values known besides `variables`; some bring functions along
    (`root`: count and jsonpath, `counter`: counter).
    """
    if len(text) > MAX_LENGTH:
        sentence = f"The expression has {len(text)} characters; at most {MAX_LENGTH} are read"
        raise ExpressionError(ErrorKind.EXCEEDED_MAX_LENGTH, "", 0, sentence)
    names = {"VARIABLES", *map(ordinal.upper, named)}
    reading = _Reading(known_functions(names))
    for token in tokens(text, reading.functions, names):
        reading.take(token)
    return reading.finish()


@dataclass(slots=True)
class _Open:
    """What is not yet closed: the whole text, a function's call, or an index."""

    token: Token
    operands: list[Node] = field(default_factory=list)


@dataclass(slots=True)
class _Reading:
    """The tree as far as it is read: what is open, outermost first, and the token before."""

    functions: Mapping[str, Function]
    open: list[_Open] = field(default_factory=lambda: [_Open(START)])
    last: Token = START

    def take(self, token: Token) -> None:
        match self.last.kind:
            case TokenKind.FUNCTION:
                self._parameters(token)
            case TokenKind.DEREFERENCE:
                self._property(token)
            case _:
                self._part(token)
        self.last = token
        if len(self.open) > MAX_DEPTH:
            sentence = f"Brackets are nested {MAX_DEPTH} deep; at most {MAX_DEPTH - 1} may be"
            raise ExpressionError(ErrorKind.EXCEEDED_MAX_DEPTH, "", token.position, sentence)

    def finish(self) -> Node | None:
        if self.last.kind is TokenKind.FUNCTION:
            raise _error(ErrorKind.EXPECTED_START_PARAMETER, self.last)
        if self.last.kind is TokenKind.DEREFERENCE:
            raise _error(ErrorKind.EXPECTED_PROPERTY_NAME, self.last)
        innermost = self.open[-1]
        if innermost.token.kind is TokenKind.FUNCTION:
            raise _error(ErrorKind.UNCLOSED_FUNCTION, innermost.token)
        if innermost.token.kind is TokenKind.OPEN_INDEX:
            raise _error(ErrorKind.UNCLOSED_INDEXER, innermost.token)
        return innermost.operands[0] if innermost.operands else None

    def _parameters(self, token: Token) -> None:
        """The call was opened by the function's name; this must be its bracket."""
        if token.kind is not TokenKind.OPEN_CALL:
            raise _error(ErrorKind.EXPECTED_START_PARAMETER, self.last)

    def _property(self, token: Token) -> None:
        match token.kind:
            case TokenKind.PROPERTY:
                self._path().steps.append(Literal(token.text, token.text))
            case TokenKind.WILDCARD:
                self._path().steps.append(Wildcard())
            case _:
                raise _error(ErrorKind.UNEXPECTED_SYMBOL, token)

    def _part(self, token: Token) -> None:
        match token.kind:
            case TokenKind.LITERAL:
                self._value(token, Literal(token.value, token.text))
            case TokenKind.NAMED_VALUE:
                self._value(token, Named(token.text))
            case TokenKind.FUNCTION:
                self._open_call(token)
            case TokenKind.CLOSE_CALL:
                self._close_call(token)
            case TokenKind.SEPARATOR:
                self._separator(token)
            case TokenKind.OPEN_INDEX | TokenKind.DEREFERENCE:
                self._lookup(token)
            case TokenKind.CLOSE_INDEX:
                self._close_index(token)
            case TokenKind.WILDCARD if self.last.kind is TokenKind.OPEN_INDEX:
                self.open[-1].operands.append(Wildcard())
            case TokenKind.UNRECOGNIZED:
                raise _error(ErrorKind.UNRECOGNIZED_VALUE, token)
            case _:
                raise _error(ErrorKind.UNEXPECTED_SYMBOL, token)

    def _value(self, token: Token, node: Node) -> None:
        """A value stands first of all, or first behind a bracket or comma."""
        if self.last.kind not in _VALUE_MAY_FOLLOW:
            raise _error(ErrorKind.UNEXPECTED_SYMBOL, token)
        self.open[-1].operands.append(node)

    def _open_call(self, token: Token) -> None:
        arguments: list[Node] = []
        self._value(token, Call(token.text, arguments))
        self.open.append(_Open(token, arguments))

    def _close_call(self, token: Token) -> None:
        function, count = self._innermost_function(token), len(self.open[-1].operands)
        if not function.minimum <= count <= function.maximum:
            raise _error(ErrorKind.UNEXPECTED_SYMBOL, token)
        self.open.pop()

    def _separator(self, token: Token) -> None:
        function, count = self._innermost_function(token), len(self.open[-1].operands)
        if not 1 <= count < function.maximum:
            raise _error(ErrorKind.UNEXPECTED_SYMBOL, token)

    def _innermost_function(self, token: Token) -> Function:
        """The function whose arguments are being read; nothing of it ends right after a comma."""
        opened_by = self.open[-1].token
        if opened_by.kind is not TokenKind.FUNCTION or self.last.kind is TokenKind.SEPARATOR:
            raise _error(ErrorKind.UNEXPECTED_SYMBOL, token)
        return self.functions[ordinal.upper(opened_by.text)]

    def _lookup(self, token: Token) -> None:
        """A `[` or `.` follows something that has insides, and begins the next step of a path."""
        operands = self.open[-1].operands
        after = self.last.kind in _LOOKUP_MAY_FOLLOW
        if not after or isinstance(operands[-1], Wildcard):
            raise _error(ErrorKind.UNEXPECTED_SYMBOL, token)
        self._path()
        if token.kind is TokenKind.OPEN_INDEX:
            self.open.append(_Open(token))

    def _close_index(self, token: Token) -> None:
        innermost = self.open[-1]
        if innermost.token.kind is not TokenKind.OPEN_INDEX or not innermost.operands:
            raise _error(ErrorKind.UNEXPECTED_SYMBOL, token)
        self.open.pop()
        self._path().steps.append(innermost.operands[0])

    def _path(self) -> Path:
        """The path that ends what is read so far; made of the last operand when it is none yet."""
        operands = self.open[-1].operands
        match operands[-1]:
            case Path() as path:
                return path
            case Wildcard():
                raise AssertionError("nothing is looked up in a wildcard")
            case base:
                path = Path(base, [])
                operands[-1] = path
                return path


def _error(kind: ErrorKind, token: Token) -> ExpressionError:
    return ExpressionError(kind, token.text, token.position)
