"""Whether a module's database can serve: it answers, and it has its tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from decant.errors import SetupError
from decant.modules import Module

if TYPE_CHECKING:
    from decant.db import ModuleDatabase


class DatabaseCheck:
    """Asks a hosted module's database, for ``/health`` and ``/health/ready``.

    A database that was never migrated is not ready: every request would fail. One at another revision is, because
    versions mix during a rolling update. Once it was migrated it is not asked about that again.
    """

    def __init__(self, module: Module, database: ModuleDatabase) -> None:
        self._module = module
        self._database = database
        self._migrated = False

    def __call__(self) -> None:
        """Return when all is well.

        Raises:
            DatabaseUnavailable: When the database does not answer.
            SetupError: When it has no tables yet.
        """
        self._database.check()
        self._migrated = self._migrated or self._is_migrated()
        if not self._migrated:
            raise SetupError(
                f"the database of the module {self._module.name} was never migrated; run: decant db upgrade",
            )

    def _is_migrated(self) -> bool:
        from decant.db import migrations_of

        migrations = migrations_of(self._module, self._database)
        return not any(migrations.directory.glob("*.py")) or migrations.current() is not None
