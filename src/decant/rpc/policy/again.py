"""Whether a call may be sent once more, and after what pause.

A call is sent again only when it cannot have run, or when it may run twice: a read, an operation that is declared
idempotent by nature, or one with an idempotency key. A 4xx is final, but for the one that says that the call's own
earlier attempt, with the same key, still runs.

**Only the layer next to the failure retries.** An answer with a problem document comes from a service that lives: it
has tried what it could, and trying again from here would multiply its attempts by ours, 3 x 3 x 3 over three layers.
The one exception is ``overloaded``: the service refused before it began.

Sources: Google, *Site Reliability Engineering*, ch. 21: retry in the layer immediately above the one that rejects;
Brooker, "Exponential Backoff And Jitter": full jitter.
"""

from __future__ import annotations

from random import Random

from decant.clock import SystemClock
from decant.contracts import Declared
from decant.errors import DeadlineExceeded, RemoteCallError, Unavailable
from decant.http.problem import BLANK, ProblemDocument, parse_problem, retry_after_s
from decant.idempotency import IdempotencyKeyInUse
from decant.rpc.transports import Answer

OVERLOADED = "overloaded"
"""The code of the answer of a service that had no room for a call and did not begin it."""

FIRST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 1.0
NOT_RUN = frozenset({"never-sent", "overloaded"})
"""The reasons to send a call again after which it is known that it has not run."""

_NOBODY_THERE = (502, 503)


def may_repeat(declared: Declared, keyed: bool) -> bool:
    """Return whether an operation may run twice.

    Args:
        declared: The operation.
        keyed: Whether the call has an idempotency key.
    """
    declaration = declared.declaration
    return (
        declaration.method == "GET" or declaration.idempotent == "natural" or (keyed and bool(declaration.idempotent))
    )


def why_again(outcome: Answer | RemoteCallError, tried: int, repeatable: bool) -> str | None:
    """Return why a call should be sent again, one word for logs and metrics, or None: what came is final.

    Args:
        outcome: What came of the last attempt.
        tried: How many attempts there were.
        repeatable: Whether the operation may run twice.
    """
    if isinstance(outcome, RemoteCallError):
        if isinstance(outcome, DeadlineExceeded) or _is_own_fault(outcome):
            return None
        if not outcome.may_have_run:
            return "never-sent"
        return "no-answer" if repeatable else None
    return None if outcome.status < 400 else _why_again(outcome, tried, repeatable)


def _why_again(answer: Answer, tried: int, repeatable: bool) -> str | None:
    problem = parse_problem(answer.status, answer.headers, answer.body)
    if is_overloaded(problem):
        return "overloaded"
    if tried > 1 and problem is not None and problem.code == IdempotencyKeyInUse.code:
        return "still-running"
    return "nobody-there" if repeatable and answer.status in _NOBODY_THERE and is_bare(problem) else None


def is_overloaded(problem: ProblemDocument | None) -> bool:
    """Return whether a service says that it had no room, and did not begin."""
    return problem is not None and problem.status == 503 and problem.code == OVERLOADED


def is_bare(problem: ProblemDocument | None) -> bool:
    """Return whether an error comes from something in between, and not from a service of the workspace."""
    return problem is None or problem.type == BLANK


def has_failed(outcome: Answer | RemoteCallError) -> bool | None:
    """Return whether an outcome speaks against the address, or None where it says nothing.

    What does is no answer in time, or one of something in between. A problem document is a sign of life, even one that
    says that a service further on is down; one that says ``overloaded`` is neither: calls that stop for seconds would
    throw away what the service still gets done.
    """
    if isinstance(outcome, RemoteCallError):
        return None if _is_own_fault(outcome) else True
    if outcome.status < 502:
        return False
    problem = parse_problem(outcome.status, outcome.headers, outcome.body)
    return None if is_overloaded(problem) else is_bare(problem)


def _is_own_fault(error: RemoteCallError) -> bool:
    """Return whether the address was not even asked: no time was left, or the request cannot be written as HTTP."""
    return not error.may_have_run and not isinstance(error, Unavailable)


def asked_pause_s(outcome: Answer | RemoteCallError) -> float:
    """Return the seconds that the other side asks to wait (``Retry-After``), 0 when it does not say."""
    if isinstance(outcome, RemoteCallError):
        return 0.0
    return retry_after_s(outcome.headers.get("retry-after"), SystemClock()) or 0.0


def pause_s(tried: int, random: Random) -> float:
    """Return the pause after the ``tried``-th attempt, in seconds: from nothing up to twice as much each time."""
    return random.uniform(0, min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2 ** (tried - 1)))
