"""Rendered entries of the release lists."""

from alembic import op

from quaymaster.store.migrations import statements

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Run the statements of this step."""
    op.execute(statements.of_file("0006_light_releases"))
