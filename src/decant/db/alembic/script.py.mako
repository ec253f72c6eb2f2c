<%! from decant.db.layout import laid_out %>\
"""${message[:1].upper()}${message[1:]}${"" if message.endswith((".", "!", "?")) else "."}"""

import sqlalchemy as sa
from alembic import op
${imports if imports else ""}
revision = "${up_revision}"
down_revision = ${f'"{down_revision}"' if isinstance(down_revision, str) else repr(down_revision)}
branch_labels = ${repr(branch_labels)}
depends_on = ${repr(depends_on)}


def upgrade() -> None:
    ${laid_out(upgrades) if upgrades else "pass"}


def downgrade() -> None:
    ${laid_out(downgrades) if downgrades else "pass"}
