"""Answers are compared without what differs by chance, and a difference is named by its field."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from decant.testing import Answer, Answers, differences
from decant.testing.answers import record

ONE = "01a1fed2-885a-72c9-b44b-655e8e10e795"
TWO = "11a1fed2-885a-72c9-b44b-655e8e10e795"


def answer(body: str = "{}", status: int = 200, **headers: str) -> Answer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer("GET", "http://shop/", status, named, body.encode())


def different(one: Any, other: Any) -> list[str]:
    return [str(each) for each in differences({"monolith": {"it": one}, "services": {"it": other}})]


def test_ids_and_times_are_named_by_their_order() -> None:
    body = f'{{"id":"{TWO}","of":"{ONE}","again":"{TWO}","at":"2026-01-02T03:04:05.678Z","trace_id":"abc"}}'
    found = record(answer(body, 201, Location=f"/api/orders/{TWO}", ETag='"x"'))
    assert found["status"] == 201
    assert found["body"] == {"id": "<id 1>", "of": "<id 2>", "again": "<id 1>", "at": "<time>"}
    assert found["headers"] == {"Location": "/api/orders/<id 1>"}


def test_a_tag_of_a_body_without_chance_is_compared() -> None:
    assert record(answer('{"a":1}', ETag='"x"'))["headers"] == {"ETag": '"x"'}


def test_texts_that_are_known_to_differ_are_given_names() -> None:
    assert record(answer('{"mail":"a7@example.org"}'), known={"a7@example.org": "EMAIL"})["body"] == {"mail": "EMAIL"}


def test_the_headers_to_compare_are_the_projects_choice() -> None:
    assert record(answer(Server="x", Vary="y"), headers=("Server",))["headers"] == {"Server": "x"}


def test_flasks_test_client_gives_answers_too() -> None:
    app = Flask("shop")
    app.get("/")(lambda: {"a": 1})
    assert record(app.test_client().get("/"))["body"] == {"a": 1}


def test_alike_answers_differ_in_nothing() -> None:
    assert different(record(answer(f'["{ONE}"]')), record(answer(f'["{TWO}"]'))) == []


def test_each_field_that_differs_is_named() -> None:
    one = record(answer('{"items":[{"qty":1},{"qty":2}],"total":3}', 200, Vary="Cookie"))
    other = record(answer('{"items":[{"qty":1.0}],"total":3}', 404))
    assert different(one, other) == [
        "it: body.items[0].qty: monolith 1, services 1.0",
        'it: body.items[1]: monolith {"qty": 2}, services nothing',
        'it: headers.Vary: monolith "Cookie", services nothing',
        "it: status: monolith 200, services 404",
    ]


def test_a_body_that_is_no_json_is_compared_as_text() -> None:
    assert different(record(answer("<p>a</p>")), record(answer("<p>b</p>"))) == [
        'it: body: monolith "<p>a</p>", services "<p>b</p>"'
    ]


def test_a_name_is_used_once() -> None:
    answers = Answers()
    answers.add("monolith", "it", {"status": 200})
    answers.add("monolith", "it", {"status": 200})
    with pytest.raises(ValueError, match="name each once"):
        answers.add("monolith", "it", {"status": 404})


def test_answers_of_earlier_runs_are_kept_and_those_of_this_one_come_first(tmp_path: Path) -> None:
    first = Answers(tmp_path)
    first.add("monolith", "it", {"status": 200})
    first.add("monolith", "that", {"status": 200})
    first.save()
    second = Answers(tmp_path)
    second.add("monolith", "it", {"status": 500})
    second.add("services/strict", "it", {"status": 200})
    second.save()
    assert Answers(tmp_path).with_saved() == {
        "monolith": {"it": {"status": 500}, "that": {"status": 200}},
        "services/strict": {"it": {"status": 200}},
    }
    (tmp_path / "monolith.json").write_text("cut o")
    assert "monolith" not in Answers(tmp_path).with_saved()
