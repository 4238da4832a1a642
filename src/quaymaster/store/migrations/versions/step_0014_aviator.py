"""Projects, candidates and deployments of the Aviator dialect."""

from alembic import op

from quaymaster.store.migrations import statements

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Run the statements of this step."""
    op.execute(statements.of_file("0014_aviator"))
