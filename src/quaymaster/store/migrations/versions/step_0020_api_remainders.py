"""What the rest of the Azure API keeps."""

from alembic import op

from quaymaster.store.migrations import statements

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Run the statements of this step."""
    op.execute(statements.of_file("0020_api_remainders"))
