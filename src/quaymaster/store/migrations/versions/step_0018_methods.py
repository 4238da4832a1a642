"""How Aviator projects build and deploy."""

from alembic import op

from quaymaster.store.migrations import statements

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Run the statements of this step."""
    op.execute(statements.of_file("0018_methods"))
