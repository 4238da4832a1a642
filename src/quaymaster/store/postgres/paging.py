"""Pages of long lists by key: constant time, whatever stands before a page."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar
from unicodedata import normalize

T = TypeVar("T")

ROOT = "\\"  # the folder that everything is in


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Some rows of a list; `next` is the key of the first row after them, None at the end."""

    rows: tuple[T, ...]
    next: int | None = None


@dataclass(frozen=True, slots=True)
class Paging:
    """Which part of a list is wanted: from the row with the id `start` on (None: the first).

    `until` is the id of the first row that does not belong to it any more, for pages that are read
    in several parts.
    """

    limit: int = 50
    start: int | None = None
    ascending: bool = False
    until: int | None = None

    @property
    def direction(self) -> str:
        return "ASC" if self.ascending else "DESC"


@dataclass(slots=True)
class Where:
    """Conditions of a statement with their parameters; values never become part of the text."""

    conditions: list[str] = field(default_factory=list)
    parameters: list[object] = field(default_factory=list)

    def bind(self, value: object) -> str:
        """The placeholder under which this value is sent."""
        self.parameters.append(value)
        return f"${len(self.parameters)}"

    def add(self, condition: str, *values: object) -> None:
        """One more condition; each `{}` in it stands for one of the values."""
        self.conditions.append(condition.format(*map(self.bind, values)))

    def add_if(self, value: object, condition: str) -> None:
        """The condition, when there is a value at all: None, "" and () ask for nothing."""
        if value is not None and value not in ("", ()):
            self.add(condition, list(value) if isinstance(value, tuple) else value)

    def page(self, table: str, paging: Paging, query: str, order_by: str = "") -> str:
        """The statement for a page, with one row more, of the table that `query` is about.

        Which rows are on it is decided over the table alone, in the order of its key: whatever is
        joined for show afterwards cannot lead PostgreSQL to start from the wrong end. `table` is
        its name and its alias, which `query` uses too. `order_by` is the key as the only indexes
        have it that PostgreSQL may follow.
        """
        key = f"{table.split()[1]}.id"
        page = self.chosen(table, paging, key, order_by)
        joined = f"{query} JOIN page ON page.id = {key} ORDER BY {key} {paging.direction}"
        return f"WITH page AS MATERIALIZED ({page}) {joined}"

    def chosen(
        self,
        table: str,
        paging: Paging,
        columns: str,
        order_by: str = "",
        *,
        has_one_plan: bool = False,
    ) -> str:
        """The inner part of it: these columns of the rows on a page, and of one row more.

        `has_one_plan` says that an index leads to the page whatever is asked for: then the number
        of rows stands in the statement, so that PostgreSQL knows what it costs without the values
        and plans it once. Otherwise it plans it anew each time.
        """
        by = order_by or f"{table.split()[1]}.id"
        self._add_bounds(by, paging)
        limit = f"{paging.limit + 1:d}" if has_one_plan else self.bind(paging.limit + 1)
        return (
            f"SELECT {columns} FROM {table} {self} ORDER BY {by} {paging.direction} LIMIT {limit}"
        )

    def following(self, table: str, paging: Paging, order_by: str = "") -> str:
        """The statement for the id of the first row after a page."""
        key = f"{table.split()[1]}.id"
        by = order_by or key
        self._add_bounds(by, paging)
        many = self.bind(paging.limit)
        return (
            f"SELECT {key} FROM {table} {self} ORDER BY {by} {paging.direction}"
            f" OFFSET {many} LIMIT 1"
        )

    def _add_bounds(self, by: str, paging: Paging) -> None:
        if paging.start:
            self.add(f"{by} {'>=' if paging.ascending else '<='} {{}}", paging.start)
        if paging.until:
            self.add(f"{by} {'<' if paging.ascending else '>'} {{}}", paging.until)

    def __str__(self) -> str:
        return f"WHERE {' AND '.join(self.conditions)}" if self.conditions else ""


def paged(rows: Sequence[T], ids: Sequence[int], paging: Paging) -> Page[T]:
    """The page of rows that were read with one more than wanted."""
    more = len(rows) > paging.limit
    return Page(tuple(rows[: paging.limit]), ids[paging.limit] if more else None)


def containing(text: str) -> str:
    """A LIKE pattern that finds this text anywhere, ignoring case, taken literally."""
    return f"%{escaped(text.casefold())}%"


def wildcards(pattern: str) -> str:
    """A LIKE pattern for `*` (any run) and `?` (one character), ignoring case (SEMANTICS 22.5)."""
    return escaped(pattern.casefold()).replace("*", "%").replace("?", "_")


def escaped(text: str) -> str:
    """The text with everything that LIKE would understand taken literally."""
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def name_key(name: str) -> str:
    """A definition's name as the *_key columns hold it: without case, and one way to compose it."""
    return normalize("NFC", name.casefold())


def folder_key(path: str) -> str:
    """A folder path (`\\A\\B`, either slash) as the *_key columns hold it; the root is `\\`."""
    parts = [part for part in path.replace("/", "\\").split("\\") if part]
    return ROOT + ROOT.join(parts).casefold()


def add_folder(where: Where, path: str, key: str) -> None:
    """Only what is in this folder or below; the root has everything (SEMANTICS 22.5)."""
    folder = folder_key(path)
    if folder != ROOT:
        where.add(f"({key} = {{}} OR {key} LIKE {{}})", folder, f"{escaped(folder)}\\\\%")
