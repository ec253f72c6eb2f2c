"""What an edge does with every kind of failure, on a clock of the test's own."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterable
from random import Random

import pytest

from decant.errors import BulkheadFull, CircuitOpen, DeadlineExceeded, RemoteCallError, Unavailable
from decant.observe import edges
from decant.rpc import Answer
from decant.rpc.policy import BreakerPolicy, CallPolicy, Edge, State, Tries, Upstream
from decant.rpc.policy.again import FIRST_PAUSE_S, LONGEST_PAUSE_S, pause_s
from tests.support.clocks import HandClock

Outcome = Answer | RemoteCallError
OK = Answer(200, {}, b"{}")
BARE = Answer(503, {}, b"no such luck")
REFUSED = Unavailable("refused", may_have_run=False)
DROPPED = Unavailable("dropped", may_have_run=True)
LATE = DeadlineExceeded("late", may_have_run=True)
UNWRITABLE = RemoteCallError("the header Authorization holds more than printable ASCII", may_have_run=False)


def problem(status: int, code: str, **headers: str) -> Answer:
    document = {"type": f"urn:problem-type:{code}", "status": status, "code": code}
    return Answer(status, {"content-type": "application/problem+json", **headers}, json.dumps(document).encode())


OVERLOADED = problem(503, "overloaded", **{"retry-after": "1"})
FURTHER_ON = problem(503, "unavailable", **{"retry-after": "1"})


class Bench:
    """An edge with a script of outcomes, in place of a network."""

    def __init__(self, outcomes: Iterable[Outcome], *, urls: tuple[str, ...] = ("http://a",), **policy: object) -> None:
        self.clock = HandClock()
        self.outcomes = list(outcomes)
        self.sent: list[tuple[str, float]] = []
        self.pauses: list[float] = []
        self.tries = Tries()
        made = CallPolicy(**policy)  # type: ignore[arg-type]
        self.upstream = Upstream("catalog", urls, made.breaker, clock=self.clock, random=Random(1))
        self.edge = Edge("orders", self.upstream, made, clock=self.clock, random=Random(1), sleep=self._sleep)

    def _sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.clock.forward(seconds)

    def _send(self, url: str, left_s: float) -> Answer:
        self.sent.append((url, left_s))
        outcome = self.outcomes.pop(0) if len(self.outcomes) > 1 else self.outcomes[0]
        if isinstance(outcome, RemoteCallError):
            raise type(outcome)(outcome.detail, may_have_run=outcome.may_have_run)
        return outcome

    def call(self, *, repeatable: bool = False, left_s: float | None = None) -> Answer:
        self.tries = Tries()
        return self.edge.call(self._send, self.tries, left_s=left_s, repeatable=repeatable)

    def failed(self, kind: type[RemoteCallError], **given: object) -> RemoteCallError:
        with pytest.raises(kind) as caught:
            self.call(**given)  # type: ignore[arg-type]
        return caught.value


def value(family: edges.Family, *labels: str) -> float:
    return float(family.child(*labels)._value.get())


@pytest.mark.parametrize("repeatable", [False, True])
@pytest.mark.parametrize("first", [REFUSED, OVERLOADED])
def test_what_did_not_run_is_sent_again(first: Outcome, repeatable: bool) -> None:
    bench = Bench([first, OK])
    assert bench.call(repeatable=repeatable) is OK
    assert bench.tries.count == 2
    assert not bench.tries.may_have_run


@pytest.mark.parametrize("first", [DROPPED, BARE])
def test_what_may_have_run_is_sent_again_only_where_it_may_run_twice(first: Outcome) -> None:
    bench = Bench([first, OK])
    assert bench.call(repeatable=True) is OK
    assert bench.tries.may_have_run
    once = Bench([first, OK])
    if isinstance(first, RemoteCallError):
        once.failed(Unavailable)
    else:
        assert once.call() is first
    assert once.tries.count == 1


@pytest.mark.parametrize(
    "final",
    [
        FURTHER_ON,
        problem(503, "circuit-open"),
        problem(504, "deadline-exceeded"),
        problem(502, "protocol"),
        problem(500, "internal"),
        problem(409, "catalog.out-of-stock"),
        problem(409, "idempotency-key-in-use"),
        problem(404, "not-found"),
        problem(429, "too-many-requests"),
        Answer(404, {}, b""),
        Answer(500, {}, b""),
        Answer(504, {}, b""),
    ],
    ids=lambda answer: f"{answer.status}-{answer.body[-40:-2]!r}",
)
def test_an_answer_of_a_service_that_lives_is_final(final: Answer) -> None:
    bench = Bench([final, OK])
    assert bench.call(repeatable=True) is final
    assert bench.tries.count == 1


def test_the_own_earlier_attempt_that_still_runs_is_waited_for() -> None:
    bench = Bench([DROPPED, problem(409, "idempotency-key-in-use", **{"retry-after": "1"}), OK])
    assert bench.call(repeatable=True) is OK
    assert bench.pauses[1] >= 1


def test_time_that_is_over_is_not_tried_again() -> None:
    bench = Bench([LATE, OK])
    bench.failed(DeadlineExceeded, repeatable=True)
    assert bench.tries.count == 1


def test_three_attempts_at_most() -> None:
    bench = Bench([REFUSED])
    bench.failed(Unavailable)
    assert bench.tries.count == 3


def test_the_deadline_is_one_for_all_attempts_and_pauses() -> None:
    bench = Bench([REFUSED], timeout_s=2)
    bench.failed(Unavailable, left_s=60)
    left = [left_s for _, left_s in bench.sent]
    assert left[0] == pytest.approx(2)
    assert left == pytest.approx([2, 2 - bench.pauses[0], 2 - sum(bench.pauses)])


def test_the_callers_own_deadline_is_the_earlier_one() -> None:
    bench = Bench([OK])
    bench.call(left_s=0.3)
    assert bench.sent[0][1] == pytest.approx(0.3)


def test_no_time_left_means_that_nothing_is_sent() -> None:
    bench = Bench([OK])
    assert not bench.failed(DeadlineExceeded, left_s=0.004).may_have_run
    assert bench.sent == []


def test_a_pause_that_the_deadline_cuts_is_not_begun() -> None:
    bench = Bench([OVERLOADED])
    assert bench.call(left_s=0.5) is OVERLOADED
    assert (bench.tries.count, bench.pauses) == (1, [])


def test_pauses_have_full_jitter_and_a_cap() -> None:
    random = Random(7)
    for tried in range(1, 12):
        drawn = [pause_s(tried, random) for _ in range(500)]
        most = min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2 ** (tried - 1))
        assert 0 <= min(drawn) < most / 20
        assert most * 0.95 < max(drawn) <= most


def test_a_retry_goes_to_another_address_and_does_not_wait_for_one_that_is_overloaded() -> None:
    bench = Bench([OVERLOADED, OK], urls=("http://a", "http://b"))
    assert bench.call(left_s=0.5) is OK
    assert {url for url, _ in bench.sent} == {"http://a", "http://b"}


def test_calls_go_to_the_address_with_the_fewest_under_way() -> None:
    bench = Bench([OK], urls=("http://a", "http://b", "http://c"))
    a, b, c = bench.upstream.addresses
    with a, c:
        assert {bench.upstream.choose()[0] for _ in range(10)} == {b}
    assert {bench.upstream.choose()[0] for _ in range(100)} == {a, b, c}


BREAKER = BreakerPolicy(volume=4)


def test_a_dead_address_is_not_called_any_more() -> None:
    bench = Bench([REFUSED], breaker=BREAKER, attempts=1)
    for _ in range(4):
        bench.failed(Unavailable)
    refused = bench.failed(CircuitOpen)
    assert (refused.may_have_run, bench.tries.count, len(bench.sent)) == (False, 0, 4)
    assert refused.headers() == {"Retry-After": "1"}


def test_calls_are_counted_and_not_attempts() -> None:
    bench = Bench([REFUSED], breaker=BREAKER)
    bench.failed(Unavailable)
    assert (len(bench.sent), bench.upstream.addresses[0].breaker.state) == (3, State.CLOSED)


@pytest.mark.parametrize("outcome", [LATE, BARE, DROPPED], ids=["late", "bare", "dropped"])
def test_hanging_and_dropping_count_as_failures(outcome: Outcome) -> None:
    bench = Bench([outcome], breaker=BREAKER)
    for _ in range(4):
        with contextlib.suppress(RemoteCallError):
            bench.call()
    assert bench.upstream.addresses[0].breaker.state is State.OPEN


@pytest.mark.parametrize("answer", [FURTHER_ON, OVERLOADED, problem(500, "internal"), problem(404, "not-found")])
def test_a_service_that_answers_lives(answer: Answer) -> None:
    bench = Bench([answer], breaker=BREAKER, attempts=1)
    for _ in range(20):
        bench.call()
    assert bench.upstream.addresses[0].breaker.state is State.CLOSED


def test_a_request_that_cannot_be_written_is_final_and_nobodys_failure() -> None:
    bench = Bench([UNWRITABLE])
    for _ in range(50):
        bench.failed(RemoteCallError, repeatable=True)
        assert bench.tries.count == 1
    assert bench.upstream.addresses[0].breaker.state is State.CLOSED


def test_other_replicas_go_on_while_one_is_down() -> None:
    bench = Bench([OK], urls=("http://a", "http://b"), breaker=BREAKER)
    down = bench.upstream.addresses[0]
    for _ in range(4):
        down.breaker.record(down.breaker.admit() or 0, failed=True)
    for _ in range(10):
        bench.call()
    assert {url for url, _ in bench.sent} == {"http://b"}


def test_a_retry_that_no_breaker_lets_through_ends_in_the_failure_itself() -> None:
    bench = Bench([REFUSED], breaker=BreakerPolicy(volume=1))
    bench.failed(Unavailable)
    bench.clock.forward(1)
    assert not isinstance(bench.failed(Unavailable), CircuitOpen)
    assert bench.tries.count == 1, "a probe is one attempt"


def test_the_budget_ends_retries_and_says_so() -> None:
    before = value(edges.budget_exhausted, "orders", "catalog")
    bench = Bench([REFUSED], retries_per_s=0.0, retry_ratio=0.0, breaker=BreakerPolicy(volume=1000))
    for _ in range(10):
        bench.failed(Unavailable)
    assert len(bench.sent) == 11, "one retry was there to begin with"
    assert value(edges.budget_exhausted, "orders", "catalog") == before + 10


def test_attempts_and_retries_are_counted_by_reason() -> None:
    labels = ("orders", "catalog")
    before = value(edges.attempts, *labels), value(edges.retries, *labels, "never-sent")
    Bench([REFUSED, OK]).call()
    assert value(edges.attempts, *labels) == before[0] + 2
    assert value(edges.retries, *labels, "never-sent") == before[1] + 1


def test_the_breakers_state_is_a_metric() -> None:
    where = ("catalog", "http://gauged")
    bench = Bench([REFUSED], urls=("http://gauged",), breaker=BreakerPolicy(volume=1), attempts=1)
    assert value(edges.breaker_state, *where) == 0
    bench.failed(Unavailable)
    assert value(edges.breaker_state, *where) == State.OPEN
    assert value(edges.breaker_transitions, *where, "open") == 1


def test_a_storm_is_told_in_one_line(caplog: pytest.LogCaptureFixture) -> None:
    bench = Bench([REFUSED], retries_per_s=0.0, retry_ratio=0.0)
    for _ in range(200):
        bench.failed(Unavailable)
    told = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert len(told) == 2
    assert "retry budget is used up" in told[0]
    assert "calls to catalog at http://a stop" in told[1]


def test_too_many_calls_at_once_are_refused_and_never_sent() -> None:
    entered, leave = threading.Event(), threading.Event()
    bench = Bench([OK], concurrency=1)

    def hang(url: str, left_s: float) -> Answer:
        entered.set()
        assert leave.wait(10)
        return OK

    slow = threading.Thread(target=lambda: bench.edge.call(hang, Tries(), left_s=None, repeatable=False))
    slow.start()
    try:
        assert entered.wait(10)
        refused = bench.failed(BulkheadFull, left_s=0.05)
    finally:
        leave.set()
        slow.join(10)
    assert not refused.may_have_run
    assert bench.sent == []
    assert bench.call() is OK, "the turn was given back"


@pytest.mark.parametrize("error", [KeyError("a bug"), KeyboardInterrupt()])
def test_whatever_ends_a_call_gives_its_turn_back(error: BaseException) -> None:
    def fail(url: str, left_s: float) -> Answer:
        raise error

    bench = Bench([OK], concurrency=1)
    with pytest.raises(type(error)):
        bench.edge.call(fail, Tries(), left_s=1, repeatable=True)
    assert bench.call() is OK
    assert bench.upstream.addresses[0].outstanding == 0
