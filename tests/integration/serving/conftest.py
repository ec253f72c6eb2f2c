"""Starts real servers on free ports, and ends exactly those."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from decant.serving.base import ServeOptions
from decant.serving.ports import free_port
from decant.serving.target import Target
from tests.integration.serving.harness import Service

HERE = Path(__file__).parent


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., Service]]:
    """Start a server: ``serve("granian", threads=8)``."""
    started: list[Service] = []

    def start(server: str, *, environ: dict[str, str] | None = None, **options: Any) -> Service:
        options.setdefault("port", free_port())
        options.setdefault("target", Target(application="served_app:app"))
        chosen = ServeOptions(**options)
        log = tmp_path / f"server-{len(started)}.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", "decant.serving.boot", server, chosen.to_json()],
                env={**os.environ, "PYTHONPATH": str(HERE), **(environ or {})},
                stdout=output,
                stderr=output,
                process_group=0,
            )
        service = Service(process, chosen.port, log)
        started.append(service)
        return service

    yield start
    for service in started:
        service.end()
