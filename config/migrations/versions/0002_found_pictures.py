"""What pictures of listings look like."""

from collections.abc import Sequence

import sqlalchemy as sa
import sqlmodel
from alembic import op

revision: str = "0002"
down_revision: str | None = "0001"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "found_picture",
        sa.Column("find_sha256", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("appearance", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.PrimaryKeyConstraint("find_sha256"),
    )
    with op.batch_alter_table("found_picture", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_found_picture_appearance"), ["appearance"], unique=False)


def downgrade() -> None:
    op.drop_table("found_picture")
