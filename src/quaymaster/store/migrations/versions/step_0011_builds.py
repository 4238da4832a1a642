"""Builds, their timelines, logs and artifacts."""

from alembic import op

from quaymaster.store.migrations import statements

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Run the statements of this step."""
    op.execute(statements.of_file("0011_builds"))
