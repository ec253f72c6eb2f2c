from pydantic import SecretStr

from decant.settings import Settings


class CartSettings(Settings):
    redis_url: SecretStr | None = None
    """Where carts are kept: a Redis that evicts nothing and writes to disk. By default the module's database."""
    redis_prefix: str = "store:cart:"
    """What the names of their keys begin with."""
