"""A path segment that would not arrive at another service is refused at every edge alike."""

from __future__ import annotations

import pytest

from decant.http import operation
from tests.support.operations import faults, serve


@operation
def show(key: str) -> dict[str, str]:
    return {"key": key}


@pytest.mark.parametrize("path", ["/books/%2e/reviews", "/books/%2e%2e/reviews", "/books/.%2E/reviews"])
def test_a_segment_of_one_or_two_dots_is_refused(path: str) -> None:
    client = serve(show, "/books/<key>/reviews")
    assert faults(client.get(path)) == {"path.key": "path_segment"}


@pytest.mark.parametrize("key", ["...", ".hidden", "a.b", "a..b"])
def test_other_dots_are_part_of_a_name(key: str) -> None:
    assert serve(show, "/books/<key>").get(f"/books/{key}").json == {"key": key}


@pytest.mark.parametrize(
    ("path", "status"), [("/files/a/../b", 422), ("/files/./b", 422), ("/files/a/b..c/...", 200), ("/files/a/..", 422)]
)
def test_in_a_path_of_several_segments_each_is_looked_at(path: str, status: int) -> None:
    answer = serve(show, "/files/<path:key>").get("/", environ_overrides={"PATH_INFO": path})
    assert answer.status_code == status
