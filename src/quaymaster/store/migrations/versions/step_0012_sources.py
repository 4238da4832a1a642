"""Repositories, webhooks and what they told."""

from alembic import op

from quaymaster.store.migrations import statements

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Run the statements of this step."""
    op.execute(statements.of_file("0012_sources"))
