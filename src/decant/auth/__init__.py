"""Who asks: passwords, and tokens between services."""

from decant.auth.keys import generate_key, load_or_create_key, parse_key
from decant.auth.passwords import Passwords, SignInBusy
from decant.auth.service_tokens import ServiceTokens

__all__ = ["Passwords", "ServiceTokens", "SignInBusy", "generate_key", "load_or_create_key", "parse_key"]
