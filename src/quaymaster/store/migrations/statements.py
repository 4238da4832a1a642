"""The SQL of a step, as Alembic wants it."""

from importlib.resources import files

from pgqueuer.adapters.persistence.qb import QueryBuilderEnvironment
from sqlalchemy import TextClause, text


def of_file(step: str) -> TextClause:
    """The statements of `sql/<step>.sql`."""
    sql = files("quaymaster.store.migrations").joinpath("sql", f"{step}.sql").read_text("utf-8")
    return _verbatim(sql)


def of_queue() -> TextClause:
    """What PgQueuer needs: its tables, its enum and its notifying trigger."""
    return _verbatim(QueryBuilderEnvironment().build_install_query())


def _verbatim(sql: str) -> TextClause:
    """A colon before a word would be read as a parameter."""
    return text(sql.replace(":", "\\:"))
