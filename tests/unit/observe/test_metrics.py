"""Metrics are found by name, cheap to count, and bounded however odd the requests are."""

from __future__ import annotations

import os

import pytest

from decant.errors import SetupError
from decant.observe import metrics
from decant.observe.metrics import OTHER, Family, counter, gauge, histogram, method_label, render
from decant.observe.multiprocess import MULTIPROCESS, alive, prepare_multiprocess, remove_dead_gauges


def test_a_metric_is_made_once_per_name() -> None:
    assert counter("test_once_total", "Once.") is counter("test_once_total", "Once.")
    assert histogram("test_once_seconds", "Once.") is histogram("test_once_seconds", "Once.")
    assert gauge("test_once_now", "Once.") is gauge("test_once_now", "Once.")


def test_a_child_is_looked_up_once() -> None:
    family = Family(counter("test_children_total", "Children.", ("kind",)))
    assert family.child("a") is family.child("a")
    assert family.child("a") is not family.child("b")


def test_a_family_stops_growing_at_its_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics, "MAX_CHILDREN", 2)
    family = Family(counter("test_limit_total", "Limit.", ("kind",)))
    for number in range(5):
        family.child(f"k{number}").inc()
    body, _ = render()
    assert f'test_limit_total{{kind="{OTHER}"}} 3.0' in body.decode()
    assert 'kind="k2"' not in body.decode()


@pytest.mark.parametrize(("method", "label"), [("GET", "GET"), ("QUERY", "QUERY"), ("get", "OTHER"), ("BREW", "OTHER")])
def test_methods_that_are_not_standard_share_a_label(method: str, label: str) -> None:
    assert method_label(method) == label


def test_the_text_format_names_its_version() -> None:
    body, content_type = render()
    assert content_type.startswith("text/plain; version=")
    assert b"# TYPE http_server_request_duration_seconds histogram" in body


def test_spans_that_were_lost_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    def shown() -> float:
        line = next(
            line for line in render()[0].decode().splitlines() if line.startswith("decant_spans_dropped_total ")
        )
        return float(line.split()[1])

    before = shown()
    monkeypatch.setattr(metrics.spans, "dropped", metrics.spans.dropped + 7)
    assert shown() == before + 7
    assert shown() == before + 7


def test_several_workers_get_an_empty_folder_of_their_server(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(MULTIPROCESS, "from an outer server")
    stale = tmp_path / "metrics" / "shop-999999999"
    stale.mkdir(parents=True)
    other = tmp_path / "metrics" / f"cart-{os.getppid()}"
    other.mkdir()
    own = tmp_path / "metrics" / f"shop-{os.getpid()}"
    own.mkdir()
    (own / "counter_1.db").write_bytes(b"old")
    assert prepare_multiprocess(tmp_path, "shop") == own
    assert os.environ[MULTIPROCESS] == str(own)
    assert list(own.iterdir()) == []
    assert not stale.exists()
    assert other.exists()


def test_preparing_too_late_is_refused(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(MULTIPROCESS, raising=False)
    with pytest.raises(SetupError, match="before prometheus_client is imported"):
        prepare_multiprocess(tmp_path, "shop")


def test_a_folder_that_cannot_be_made_is_said(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(MULTIPROCESS, "x")
    (tmp_path / "metrics").write_text("a file")
    with pytest.raises(SetupError, match="cannot be made") as caught:
        prepare_multiprocess(tmp_path, "shop")
    assert "DECANT_HOME" in str(caught.value)


def test_gauges_of_dead_workers_go_and_their_counters_stay(tmp_path) -> None:
    for name in (
        "gauge_livesum_999999999.db",
        f"gauge_livesum_{os.getpid()}.db",
        "counter_999999999.db",
        "gauge_all_999999999.db",
    ):
        (tmp_path / name).touch()
    remove_dead_gauges(tmp_path)
    assert sorted(file.name for file in tmp_path.iterdir()) == [
        "counter_999999999.db",
        "gauge_all_999999999.db",
        f"gauge_livesum_{os.getpid()}.db",
    ]


def test_a_process_is_alive_or_not() -> None:
    assert alive(os.getpid())
    assert alive(1)
    assert not alive(999999999)
