"""What is made of a project to be shipped: its files alone, a wheel or a zip, an image."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from decant.errors import CommandError
from decant_tools.workspace.prune import Pruned, copy_files, prune_project
from decant_tools.workspace.release.archives import write_tar, write_zip
from decant_tools.workspace.release.docker import build_image, find_engine, image_name
from decant_tools.workspace.release.history import labels_of, version_tags
from decant_tools.workspace.release.publish import unreadable
from decant_tools.workspace.release.semver import FIRST, Version
from decant_tools.workspace.release.wheels import BackendError, build_wheel, packaging_of

if TYPE_CHECKING:
    from decant_tools.workspace.model import Project
    from decant_tools.workspace.view import View


@dataclass(frozen=True, slots=True)
class Built:
    """What was made.

    Attributes:
        version: The project's version: of its tag, else 0.1.0.
        context: Its files and those it needs, as a ``.tar.gz``.
        artefacts: A wheel, or a zip of the context.
        image: The name of the image, or None where none was built.
        notes: What a person should know.
    """

    version: Version
    context: Path
    artefacts: tuple[Path, ...]
    image: str | None
    notes: tuple[str, ...]


def build_project(
    view: View,
    project: Project,
    out: Path,
    *,
    pythons: Iterable[Path] = (),
    pretend_version: bool = False,
    with_image: bool = True,
) -> Built:
    """Build a project from exactly what it needs; the workspace itself is not written to.

    Archives are the same bytes for the same files. A wheel is built without an index where its backend is installed.

    Args:
        view: The workspace as it is now.
        project: A service or a lib.
        out: Where everything goes; made if it is missing.
        pythons: Pythons that may have the project's build backend, besides this one.
        pretend_version: Tell a backend that would ask git for the version the one of the project's tag.
        with_image: Whether to build an image where there is a Dockerfile and an engine answers.

    Raises:
        CommandError: When a backend or Docker fails, or a file cannot be written.
    """
    version = version_of(view, project)
    pruned = prune_project(view, project)
    notes = [*_doubts(view), *pruned.notes]
    stem = f"{project.name.replace('/', '-')}-{version}"
    try:
        out.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="decant-build-") as made:
            folder = Path(made)
            copy_files(view.root, pruned, folder)
            context = out / f"{stem}.context.tar.gz"
            write_tar(folder, pruned.files, context)
            artefact = _wheel(project, folder, out, pythons, str(version) if pretend_version else None, notes)
            if artefact is None:
                artefact = out / f"{stem}.zip"
                write_zip(folder, pruned.files, artefact)
            image = _image(pruned, folder, version, notes) if with_image and project.kind == "service" else None
    except OSError as error:
        raise CommandError(f"{project.name} cannot be built: {error.strerror or error} ({error.filename}).") from error
    return Built(version, context, (artefact,), image, tuple(notes))


def _doubts(view: View) -> list[str]:
    """Return why a version may be another one than its tags say."""
    why = unreadable(view.root) if view.git is None else ""
    if view.git is not None and view.git.is_shallow():
        why = "this is a shallow clone, in which older tags are missing."
    return [f"the version may be wrong: {why}"] if why else []


def version_of(view: View, project: Project) -> Version:
    """Return a project's version: the highest of its tags that ``HEAD`` can reach, else 0.1.0.

    Args:
        view: The workspace.
        project: The project.
    """
    if view.git is None:
        return FIRST
    labels = labels_of((each.id, each.kind, each.name) for each in view.graph.projects.values())
    tag = version_tags(view.git, set(labels.values())).get(labels[project.id])
    return tag.version if tag else FIRST


def _wheel(
    project: Project, folder: Path, out: Path, pythons: Iterable[Path], pretended: str | None, notes: list[str]
) -> Path | None:
    """Return the wheel; None for a project that is no package."""
    if project.modules:
        return None
    packaging = packaging_of(folder / project.path / "pyproject.toml")
    if packaging == "none":
        return None
    with tempfile.TemporaryDirectory(prefix="decant-source-") as made:
        source = Path(made) / "source"  # the backend writes beside the code, and that belongs in no image and no zip
        shutil.copytree(folder, source, symlinks=True)
        try:
            return build_wheel(source / project.path, out, pythons=pythons, pretended=pretended)
        except BackendError as error:
            if packaging == "declared":
                raise
            notes.append(f"a zip and no wheel, for pyproject.toml has no [build-system]: {error.detail}")
            return None


def _image(pruned: Pruned, folder: Path, version: Version, notes: list[str]) -> str | None:
    if pruned.dockerfile is None:
        notes.append("no image: there is no Dockerfile.")
        return None
    engine = find_engine()
    if engine.program is None or engine.why:
        notes.append(f"no image: {engine.why}.")
        return None
    image = image_name(pruned.project.name, version)
    inside = f"{pruned.context}/" if pruned.context else ""
    build_image(engine.program, folder / pruned.context, pruned.dockerfile.removeprefix(inside), image)
    return image
