"""Production behaviour for any Flask application, in one line: ``Kit(app)``."""

from decant.kit.kit import Kit
from decant.kit.settings import KitSettings

__all__ = ["Kit", "KitSettings"]
