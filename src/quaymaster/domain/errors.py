"""The five ways in which a request can be turned down; every API has its own words for each."""


class DomainError(Exception):
    """Something was asked that will not be done; the text says what, where and what to do."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class Invalid(DomainError):
    """The request itself is wrong. `problems` names each one at its path in the document."""

    def __init__(self, message: str, problems: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.problems = problems


class Refused(DomainError):
    """The request is well formed but not legal in the present state.

    `kind` is a word for the reason where an API has a sentence of its own for it.
    """

    def __init__(self, message: str, kind: str = "") -> None:
        super().__init__(message)
        self.kind = kind


class Conflict(DomainError):
    """Somebody else changed or took the same thing first."""


class Forbidden(DomainError):
    """The caller may not do this; `permission` names what is missing."""

    def __init__(self, message: str, permission: str = "") -> None:
        super().__init__(message)
        self.permission = permission


class NotFound(DomainError):
    """There is no such thing, or none that the caller may know of. `kind` is the field's word."""

    def __init__(self, kind: str, key: object, message: str = "") -> None:
        super().__init__(message or f"There is no {kind} {key}.")
        self.kind = kind
        self.key = key
