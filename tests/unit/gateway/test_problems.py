from __future__ import annotations

import json

import pytest

from decant.gateway.problems import Refused, problem, status_phrase
from decant.http.codecs import encode
from decant.http.problem import ProblemDocument, status_code
from decant.http.problem import status_phrase as phrase_of_services

STATUSES = [400, 404, 408, 413, 414, 417, 431, 500, 501, 502, 503, 504, 505]


def theirs(status: int) -> ProblemDocument:
    return ProblemDocument(
        status=status,
        code=status_code(status),
        title=phrase_of_services(status),
        detail='Not <so> & "so".',
        trace_id="t" * 32,
        request_id="r-1",
    )


@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize(
    "accept", ["", "application/json", "application/xml", "text/html,application/xml;q=0.9,*/*;q=0.8", "text/xml"]
)
def test_a_problem_is_what_a_service_would_write(status: int, accept: str) -> None:
    body, headers = problem(Refused(status, 'Not <so> & "so".'), accept=accept, request_id="r-1", trace_id="t" * 32)
    wanted, media = encode(theirs(status).members(), accept or None, problem=True)
    assert dict(headers)["Content-Type"] == media
    if b"xml" in wanted[:6]:
        assert body == wanted
    else:
        assert json.loads(body) == json.loads(wanted)


def test_the_headers_of_a_refusal_belong_to_the_answer() -> None:
    _, headers = problem(Refused(503, "Later.", headers=(("Retry-After", "1"),)))
    assert ("Retry-After", "1") in headers


def test_an_unknown_status_has_a_phrase() -> None:
    assert status_phrase(799) == "Error"
