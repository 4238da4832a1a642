"""What has fired which release."""

from alembic import op

from quaymaster.store.migrations import statements

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Run the statements of this step."""
    op.execute(statements.of_file("0010_release_triggers"))
