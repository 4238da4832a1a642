"""Freezes, holds and quarantined versions."""

from alembic import op

from quaymaster.store.migrations import statements

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Run the statements of this step."""
    op.execute(statements.of_file("0013_freezes"))
