"""What a client and a service may ask of the gateway: bytes, counts and seconds."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds on the client's side. Every one of them ends in an answer that names it.

    Attributes:
        target_bytes: The longest request target; longer ones are answered 414.
        header_bytes: The whole head of a request; beyond it 431.
        header_count: Header lines of a request; beyond it 431.
        header_timeout_s: Seconds from the first byte of a head to its last; then 408.
        idle_timeout_s: Seconds that a connection may stay open between two requests.
        body_timeout_s: Seconds in which some part of a body must arrive; then 408.
        body_bytes_per_s: The least average speed of a body, looked at after ``body_timeout_s``; then 408.
        body_hold_bytes: A body is sent on when it is complete or this much of it is there, so that slow clients do not
            occupy the threads of services.
        write_timeout_s: Seconds in which a client must read some part of an answer; then its connection is closed.
        linger_s: Seconds for a client that still sends to read the answer, before the connection is closed.
        answer_timeout_s: Seconds for an answer that the routes make themselves; then 504.
        pipelined_bytes: What a client may send ahead of the answer that it waits for; then it is not read.
        connections: Connections at the same time; one more is answered 503.
    """

    target_bytes: int = 8_192
    header_bytes: int = 32_768
    header_count: int = 100
    header_timeout_s: float = 10.0
    idle_timeout_s: float = 75.0
    body_timeout_s: float = 20.0
    body_bytes_per_s: int = 500
    body_hold_bytes: int = 65_536
    write_timeout_s: float = 60.0
    linger_s: float = 2.0
    answer_timeout_s: float = 10.0
    pipelined_bytes: int = 65_536
    connections: int = 10_000


@dataclass(frozen=True, slots=True)
class PoolLimits:
    """Bounds on the side of a service; for each of its addresses.

    Attributes:
        connections: Connections at the same time.
        waiting: Requests that may wait for one of them; one more is answered 503.
        idle: Idle connections that are kept.
        idle_timeout_s: Seconds after which an idle connection is closed: less than the servers' own, or they would
            close one that is being used.
        connect_timeout_s: Seconds for one attempt.
        connect_total_s: Seconds for all attempts of a request, and for its wait for a connection.
        first_pause_s: How long an address rests after a failed connect; doubled each time.
        longest_pause_s: The longest rest.
    """

    connections: int = 256
    waiting: int = 1_024
    idle: int = 64
    idle_timeout_s: float = 4.0
    connect_timeout_s: float = 0.4
    connect_total_s: float = 0.8
    first_pause_s: float = 0.25
    longest_pause_s: float = 5.0
