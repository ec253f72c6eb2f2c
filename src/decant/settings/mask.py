"""Hides credentials in what is shown to people."""

from __future__ import annotations

import re

MASK = "***"
_SECRET_NAME = re.compile(
    r"(?:^|[_.-])(?:password|passwd|passphrase|secret|secrets|token|dsn|credentials?|"
    r"(?:api|secret|private|access|signing|cookie)_?keys?)$",
    re.IGNORECASE,
)
# Greedy to the last @: a password may hold anything, and hiding too much is the safe side.
_USER_INFO = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*://)(?P<user>[^:/@\s]*):(?P<password>\S*)@")
_QUERY = re.compile(r"(?P<name>[?&;][\w.-]*(?:password|passwd|secret|token|api_?key)=)[^&;\s\"']*", re.IGNORECASE)

_KEY = re.compile(r"(?P<name>[\w.-]+)[\"']?\s*[=:]")


def is_secret_name(name: str) -> bool:
    """Return whether a key's name says that its value is a credential."""
    return bool(_SECRET_NAME.search(name))


def mask_text(text: str) -> str:
    """Return a text with the passwords of its URLs hidden."""
    return _QUERY.sub(rf"\g<name>{MASK}", _USER_INFO.sub(rf"\g<scheme>\g<user>:{MASK}@", text))


def mask_line(line: str) -> str:
    """Return a line of configuration with what may be a credential hidden."""
    for key in _KEY.finditer(line):
        if is_secret_name(key["name"]):
            return f"{line[: key.end()]} {MASK}"
    return mask_text(line)
