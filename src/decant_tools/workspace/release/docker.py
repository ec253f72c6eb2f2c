"""Builds a project's image where a Docker engine answers."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

from decant.errors import CommandError
from decant_tools.workspace.release.semver import Version

ANSWER_S = 2.0
DEADLINE_S = 3600.0
SHOWN_LINES = 20


class Engine(NamedTuple):
    """What is known of Docker on this machine.

    Attributes:
        program: The path of the program, or None.
        version: The engine's version; "" when none answers.
        why: Why no image can be built, or "".
    """

    program: str | None
    version: str = ""
    why: str = ""


def find_engine() -> Engine:
    """Ask whether a Docker engine answers; it has two seconds."""
    program = shutil.which("docker")
    if program is None:
        return Engine(None, why="there is no program `docker`")
    command = [program, "version", "--format", "{{.Server.Version}}"]
    try:
        done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=ANSWER_S)
    except subprocess.TimeoutExpired:
        return Engine(program, why=f"no Docker engine answers within {ANSWER_S:g} s")
    except OSError as error:
        return Engine(program, why=f"{program} cannot be started: {error.strerror}")
    version = done.stdout.strip()
    if done.returncode or not version:
        return Engine(program, why="no Docker engine answers")
    return Engine(program, version)


def image_name(name: str, version: Version) -> str:
    """Return the name of an image, as registries take it.

    Args:
        name: The project's name.
        version: Its version.
    """
    repository = re.sub(r"[^a-z0-9._/-]+|(?<=[._/-])[._/-]+", "-", name.lower()).strip("._/-")
    return f"{repository or 'image'}:{str(version).replace('+', '-')}"


def build_image(program: str, context: Path, dockerfile: str, image: str) -> None:
    """Build an image.

    Args:
        program: ``docker``.
        context: The folder that is built.
        dockerfile: The path of the Dockerfile, relative to that folder.
        image: Its name.

    Raises:
        CommandError: When Docker fails.
    """
    command = [program, "build", "--file", dockerfile, "--tag", image, "."]
    try:
        done = subprocess.run(
            command, check=False, cwd=context, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=DEADLINE_S,
        )  # fmt: skip
    except subprocess.TimeoutExpired as error:
        raise CommandError(f"The image {image} was not there after {DEADLINE_S:g} s.", exit_code=5) from error
    if done.returncode:
        said = done.stdout.decode("utf-8", "replace").strip().splitlines()[-SHOWN_LINES:]
        raise CommandError("\n  ".join([f"The image {image} could not be built:", *said]))
