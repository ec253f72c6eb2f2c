"""Who asks: tokens between services."""

from decant.auth.keys import generate_key, load_or_create_key, parse_key
from decant.auth.service_tokens import ServiceTokens

__all__ = ["ServiceTokens", "generate_key", "load_or_create_key", "parse_key"]
