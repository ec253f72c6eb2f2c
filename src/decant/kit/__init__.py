"""Production behaviour for any Flask application, in one line: ``Kit(app)``."""

from decant.kit.kit import Kit, identify_callers
from decant.kit.requests import Identify
from decant.kit.settings import KitSettings

__all__ = ["Identify", "Kit", "KitSettings", "identify_callers"]
