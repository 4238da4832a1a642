"""Indexes for the lists of one definition."""

from alembic import op

from quaymaster.store.migrations import statements

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Replace the indexes."""
    op.execute(statements.of_file("0005_lists_of_a_definition"))
