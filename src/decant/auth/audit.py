"""The audit log of sign-ins: who proved to be whom, from where, and who failed to.

One record per attempt goes to the logger ``decant.audit``, which can have a handler of its own. Neither a password
nor a token is ever in it, and no account's name that was typed: people type passwords into the wrong field.

==============  ===========================================================================================
``event``       what was attempted, for instance ``sign-in``
``outcome``     ``success``, ``refused`` (by an error of the domain) or ``failed`` (any other error)
``subject``     the user's public id, once it is known
``account``     otherwise a hash of what was typed: the same for the same text, while the process lives
``address``     the client's address
``reason``      the error's code
==============  ===========================================================================================

``decant_sign_ins_total`` counts by ``event`` and ``outcome``.

Source: OWASP Logging Cheat Sheet.
"""

from __future__ import annotations

import hashlib
import logging
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from prometheus_client import Counter

from decant.errors import DecantError, DomainError
from decant.observe.metrics import Family, counter

audit_log = logging.getLogger("decant.audit")

_KEY = secrets.token_bytes(32)
SIGN_INS: Family[Counter] = Family(
    counter(
        "decant_sign_ins_total", "Attempts to prove who one is, by kind and by what came of them.", ("event", "outcome")
    )
)


@dataclass(slots=True)
class Attempt:
    """What an audited block knows.

    Attributes:
        event: What is attempted.
        account: As typed.
        address: The client's address.
        subject: The user's public id; set it as soon as it is known.
    """

    event: str
    account: str | None = None
    address: str | None = None
    subject: str | None = None


@contextmanager
def audited(event: str, *, account: str | None = None, address: str | None = None) -> Iterator[Attempt]:
    """Write one record about a block: its end is a success, an error what it raised.

    Args:
        event: What is attempted: one of a few fixed words, for instance ``sign-in``.
        account: As typed; only a hash of it is written, and only while the subject is not known.
        address: The client's address.

    Example:
        >>> with audited("sign-in", account="ada@example.org", address="192.0.2.7") as attempt:
        ...     attempt.subject = "0194…"
    """
    attempt = Attempt(event, account, address)
    try:
        yield attempt
    except DomainError as error:
        _write(logging.WARNING, attempt, "refused", error.code)
        raise
    except Exception as error:
        _write(logging.ERROR, attempt, "failed", error.code if isinstance(error, DecantError) else type(error).__name__)
        raise
    _write(logging.INFO, attempt, "success")


def _write(level: int, attempt: Attempt, outcome: str, reason: str | None = None) -> None:
    SIGN_INS.child(attempt.event, outcome).inc()
    fields = {
        "event": attempt.event,
        "outcome": outcome,
        "subject": attempt.subject,
        "account": _hash(attempt.account) if attempt.account is not None and attempt.subject is None else None,
        "address": attempt.address,
        "reason": reason,
    }
    told = {name: value for name, value in fields.items() if value is not None}
    audit_log.log(level, "%s: %s", attempt.event, outcome, extra=told)


def _hash(account: str) -> str:
    return hashlib.blake2b(account.encode("utf-8", "surrogatepass"), key=_KEY, digest_size=12).hexdigest()
