"""One request on its way: to a service and back, or answered here."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable

from decant.gateway.backend import BackendConnection
from decant.gateway.base import Answer, Forward, Head
from decant.gateway.books import CLIENT_GONE
from decant.gateway.client import Client
from decant.gateway.edge import Edge
from decant.gateway.framing import CHUNKED, RequestHead
from decant.gateway.headers import AnswerField
from decant.gateway.identity import Identity
from decant.gateway.problems import Refused, problem, unavailable
from decant.gateway.targets import canonical_target, check_offer
from decant.gateway.upstream import Wait
from decant.gateway.wire import AnswerHead, interim_head, own_answer, request_head

logger = logging.getLogger("decant.gateway")

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
FRESH_TRIES = 2
"""Requests that only read are sent so often over new connections that close without a word: a process that ends."""

DRAINED_BYTES = 65_536
"""A body that nobody wants is read up to here, so that the connection can be used again; beyond it is closed."""


class Exchange:
    """One request and its answer.

    Args:
        edge: What all requests share.
        client: Where it came from.
        request: Its head.
        peer: The client's address.
    """

    __slots__ = (
        "_answer", "_answer_done", "_backend", "_body_before", "_body_since", "_breaks", "_close",
        "_complete", "_decision", "_expects", "_held", "_held_bytes", "_holding", "_lines", "_out",
        "_over", "_path", "_peer", "_query", "_received", "_route", "_sent", "_started", "_status",
        "_stuck", "_task", "_touched", "_wait", "_within_s", "client", "edge", "identity", "request",
    )  # fmt: skip

    def __init__(self, edge: Edge, client: Client, request: RequestHead, peer: str) -> None:
        self.edge = edge
        self.client = client
        self.request = request
        self.identity = Identity(request)
        self._peer = peer
        self._path = "-"
        self._query = ""
        self._route = ""
        self._started = time.perf_counter()
        self._touched = self._body_since = edge.now
        self._within_s = edge.limits.answer_timeout_s
        self._decision: Forward | None = None
        self._backend: BackendConnection | None = None
        self._wait: Wait | None = None
        self._task: asyncio.Task[None] | None = None
        self._complete = False  # the request
        self._expects = False
        self._holding = False
        self._held: list[bytes] = []
        self._held_bytes = 0
        self._received = self._body_before = 0
        self._lines = b""
        self._breaks = 0  # of new connections, before anything came
        self._stuck = False  # the service reads no more
        self._answer: AnswerHead | None = None  # its head is under way
        self._answer_done = False
        self._over = False
        self._close = False
        self._out: list[bytes] = []
        self._sent = 0
        self._status = 0

    @property
    def answers_body(self) -> bool:
        return self.request.method != "HEAD"

    # -- the request --

    def begin(self) -> None:
        """Check it and find out where it goes."""
        request = self.request
        try:
            target = request.target.decode("ascii")
            self._path = target.partition("?")[0]
            self._expects = check_offer(request)
            if target == "*" and request.method == "OPTIONS":
                self._respond(204, (("Allow", "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"),), b"")
                return
            origin, self._path, self._query = canonical_target(request, target)
            identity = self.identity
            head = Head(
                request.method,
                origin,
                self._path,
                self._query,
                tuple(request.fields),
                self._peer,
                identity.request_id,
                identity.trace_id,
            )
            self._follow(self.edge.router.route(head))
        except Refused as refused:
            self.refuse(refused)
        except Exception:
            logger.exception("the routes failed for %s %s", request.method, self._path)
            self.refuse(Refused(500, "The gateway could not answer this request. The operators find it in the log."))

    def _follow(self, decision: Forward | Answer | Awaitable[Answer]) -> None:
        if isinstance(decision, Forward):
            self._forward(decision)
        elif isinstance(decision, Answer):
            self._route = decision.route
            self._respond(decision.status, decision.headers, decision.body)
        else:
            self._task = asyncio.get_running_loop().create_task(self._respond_later(decision))

    async def _respond_later(self, decision: Awaitable[Answer]) -> None:
        try:
            async with asyncio.timeout(self.edge.limits.answer_timeout_s):
                answer = await decision
        except TimeoutError:
            self.refuse(Refused(504, "The answer was not found in time."))
        except Exception:
            logger.exception("the answer to %s %s could not be made", self.request.method, self._path)
            self.refuse(Refused(500, "The gateway could not answer this request. The operators find it in the log."))
        else:
            self._task = None
            self._follow(answer)

    def _forward(self, decision: Forward) -> None:
        self._decision = decision
        self._route = decision.route
        self._within_s = decision.timeout_s
        length = self.request.length
        if length > decision.body_limit:
            raise _too_large(decision)
        self.edge.upstreams.add(decision.upstream)
        self._holding = length != 0 and not self._expects and self.edge.limits.body_hold_bytes > 0
        if not self._holding:
            self._connect()

    def _connect(self, *, broken: BackendConnection | None = None) -> None:
        self._holding = False
        assert self._decision is not None
        wait = self._decision.upstream.connect(self, self.edge.now, broken=broken)
        if self._backend is None and not self._answer_done:
            self._wait = wait
            if not self._complete and self.request.length:  # else only a hang-up can come, which is to be seen
                self.client.hold(True)

    def on_body(self, data: bytes) -> None:
        """Take a part of the request's body."""
        self._received += len(data)
        self._touched = self.edge.now
        decision = self._decision
        if decision is None or self._answer_done:
            return  # nobody wants it
        if self._received > decision.body_limit:
            self.refuse(_too_large(decision))
        elif self._backend is not None:
            self._backend.send(b"%x\r\n%b\r\n" % (len(data), data) if self.request.length == CHUNKED else data)
        else:
            self._held.append(data)
            self._held_bytes += len(data)
            if self._holding and self._held_bytes >= self.edge.limits.body_hold_bytes:
                self._connect()

    def on_end(self) -> None:
        """Note that the request is complete."""
        self._complete = True
        self._touched = self.edge.now
        if self._answer_done:
            self._end()
        elif self._backend is not None:
            if self.request.length == CHUNKED:
                self._backend.send(b"0\r\n\r\n")
        elif self._holding:
            self._connect()

    # -- the connection to the service --

    def on_connection(self, connection: BackendConnection) -> None:
        """Send what is there of the request."""
        self._wait = None
        if self._over:
            connection.abandon()
            return
        self._backend = connection
        self._stuck = False
        request, held = self.request, self._held
        length = request.length
        if length == CHUNKED and self._complete:
            length = self._held_bytes
        if not self._lines:
            self._lines = self._ours()
        path = f"{self._path}?{self._query}" if self._query else self._path
        head = request_head(request, path.encode("ascii"), (self._lines,), length=length, expects=self._expects)
        if held:
            body = b"".join(held)
            self._held = []
            head += body if length != CHUNKED else b"%x\r\n%b\r\n" % (len(body), body)
        connection.ask(self, head)
        if self.client.slow:
            connection.hold(True)
        if request.length and not self._stuck:
            self._go_on()

    def _go_on(self) -> None:
        """Read on in the body, and measure its speed from here: the time before was the service's."""
        self._touched = self._body_since = self.edge.now
        self._body_before = self._received
        self.client.hold(False)

    def _ours(self) -> bytes:
        host, decision = self.request.host, self._decision
        told = f"x-forwarded-for: {self._peer}\r\nx-forwarded-proto: {self.edge.scheme}\r\n{self.identity.lines()}"
        lines = told.encode()
        if host:
            lines += b"x-forwarded-host: %b\r\n" % host
        if decision is not None and decision.headers:
            lines += b"".join([b"%b: %b\r\n" % header for header in decision.headers])
        return lines

    def on_no_connection(self, refused: Refused) -> None:
        """Answer that there is none."""
        self._wait = None
        self.refuse(refused)

    def pause_sending(self) -> None:
        """Read no more of the body: the service is slower than the client."""
        self._stuck = True
        self.client.hold(True)

    def resume_sending(self) -> None:
        """Go on reading the body."""
        self._stuck = False
        self._go_on()

    def client_slow(self, slow: bool) -> None:
        """Read no more of the answer, or go on: the client is slower than the service."""
        self._touched = self.edge.now
        if self._backend is not None:
            self._backend.hold(slow)

    # -- the answer of the service --

    def on_interim(self, status: int, fields: list[AnswerField]) -> None:
        self._touched = self.edge.now
        if self.request.minor and (status != 100 or self._expects):
            self._out.append(interim_head(status, fields))

    def on_answer(self, status: int, fields: list[AnswerField]) -> None:
        self._status = status
        self._close = not (self.request.keep_alive and self._complete) or self.edge.state.draining
        request_id = self.identity.request_id.encode()
        self._answer = AnswerHead(status, fields, self.request, request_id, self._close)
        self._close = self._answer.close
        self._out.append(self._answer.data)

    def on_answer_body(self, data: bytes) -> None:
        assert self._answer is not None
        self._sent += len(data)
        if self._answer.chunked:
            self._out += (b"%x\r\n" % len(data), data, b"\r\n")
        else:
            self._out.append(data)

    def on_answer_flush(self) -> None:
        self._touched = self.edge.now
        if self._out:
            out, self._out = self._out, []
            self.client.write(out)
        if self._answer_done:
            self._end()

    def on_answer_end(self) -> bool:
        if self._answer is not None and self._answer.chunked:
            self._out.append(b"0\r\n\r\n")
        self._backend = None
        self._answer_done = True
        return self._complete

    def on_broken(self, why: str, *, silent: bool) -> None:
        backend, self._backend = self._backend, None
        assert self._decision is not None
        name = self._decision.upstream.name
        if silent and backend is not None and self.request.method in SAFE and self.request.length == 0:
            self._breaks += not backend.used  # else it was idle, and closed as we wrote: the usual race
            if self._breaks < FRESH_TRIES:
                self._connect(broken=backend)
            else:
                self.refuse(unavailable(f"The service {name} cannot be reached."))
            return
        logger.warning("%s broke off the answer to %s %s: %s", name, self.request.method, self._path, why)
        self.refuse(Refused(502, f"The service {name} gave an answer that cannot be used."))

    # -- answers of our own, and ends --

    def refuse(self, refused: Refused) -> None:
        """Answer with a problem; where an answer is under way already, cut it off."""
        if self._over or self._answer_done:
            return
        self._let_go()
        if self._answer is not None:
            self._status = refused.status
            self._books()
            self.client.cut(hard=not self._answer.chunked and self._answer.length is None)
            return
        accept = b",".join(self.request.values(b"accept")).decode("latin-1")
        identity = self.identity
        body, headers = problem(refused, accept=accept, request_id=identity.request_id, trace_id=identity.trace_id)
        self._respond(refused.status, headers, body, close=refused.closes)

    def _respond(self, status: int, headers: tuple[tuple[str, str], ...], body: bytes, *, close: bool = False) -> None:
        request = self.request
        left = 0 if self._complete else request.length - self._received
        unwanted = request.length == CHUNKED or left > DRAINED_BYTES or self._expects
        self._close = close or not request.keep_alive or self.edge.state.draining
        self._close |= unwanted and not self._complete and request.length != 0
        self._status = status
        self._sent = len(body)
        self._answer_done = True
        self._held = []
        if not self._complete:
            self.client.hold(False)  # what is left is read and thrown away
        request_id = self.identity.request_id.encode()
        answer = own_answer(status, headers, body, request=request, request_id=request_id, close=self._close)
        self.client.write([*self._out, answer])
        self._end()

    def _end(self) -> None:
        """Close the books when the request is complete too, or the connection ends anyway."""
        if not self._over and (self._complete or (self._close and self.request.length != 0)):
            self._books()
            self.client.over(close=self._close)

    def _books(self) -> None:
        if self._over:
            return
        self._over = True
        upstream = self._decision.upstream.name if self._decision is not None else ""
        self.edge.books.close(
            self.identity,
            self.request.method or "-",
            self._route,
            self._path,
            upstream,
            self._status,
            self._started,
            self._sent,
        )

    def _let_go(self) -> None:
        backend, self._backend = self._backend, None
        wait, self._wait = self._wait, None
        task, self._task = self._task, None
        if backend is not None:
            backend.abandon()
        if wait is not None:
            wait.cancel()
        if task is not None and task is not asyncio.current_task():
            task.cancel()

    def hang_up(self) -> None:
        """Note that the client has gone: the service is told by closing its connection."""
        if not self._over:
            self._let_go()
            if not self._answer_done:
                self._status = CLIENT_GONE
            self._books()

    def check(self, now: float) -> None:
        """Answer when something takes too long."""
        idle_s = now - self._touched
        limits = self.edge.limits
        if self._task is not None or self._wait is not None:
            return  # they have clocks of their own
        if not self._complete and not self._stuck:
            asked = now - self._body_since
            arrived = self._received - self._body_before
            slow = asked > limits.body_timeout_s and arrived < limits.body_bytes_per_s * asked
            if self._answer is None and (idle_s > limits.body_timeout_s or slow):
                self._late(Refused(408, "The body of the request did not come in time.", closes=True))
                return
        if self._backend is None or self.client.slow or not (self._complete or self._stuck or self._answer):
            return
        if idle_s > self._within_s:
            name = self._decision.upstream.name if self._decision else ""
            self.refuse(Refused(504, f"The service {name} did not answer in time.", closes=not self._complete))

    def _late(self, refused: Refused) -> None:
        if self._answer_done:
            self._close = True
            self._end()
        else:
            self.refuse(refused)


def _too_large(decision: Forward) -> Refused:
    return Refused(413, f"The body is longer than {decision.body_limit} bytes.", closes=True)
