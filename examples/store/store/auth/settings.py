from pydantic import SecretStr

from decant.settings import Settings


class AuthSettings(Settings):
    admin_email: str = "keeper@harbour.example"
    """Whose account an administrator's is, where one is seeded."""
    admin_password: SecretStr | None = None
    """Its password; without one no administrator is seeded."""
