"""Templates of build definitions that a project keeps."""

from alembic import op

from quaymaster.store.migrations import statements

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Run the statements of this step."""
    op.execute(statements.of_file("0021_build_templates"))
