"""A compiled requirements file is reduced by what it says itself."""

from __future__ import annotations

import pytest

from decant_tools.workspace.prune.requirements import slice_requirements

HEAD = """\
# This file was compiled: do not edit.
--index-url https://pypi.example.org/simple

"""
FLASK = """\
flask==3.1.0 \\
    --hash=sha256:aa \\
    --hash=sha256:bb
    # via
    #   -r services/orders/requirements.in
    #   -r services/users/requirements.in
"""
WERKZEUG = """\
werkzeug==3.1.0 ; python_version >= "3.11" \\
    --hash=sha256:cc
    # via flask
"""
BOTO = """\
boto3==1.0.0 \\
    --hash=sha256:dd
    # via users (services/users/pyproject.toml)
"""
CORE = """\
boto-core==1.0.0 \\
    --hash=sha256:ee
    # via
    #   boto3
    #   werkzeug-extra
"""
WHOLE = HEAD + FLASK + BOTO + CORE + WERKZEUG


def test_entries_that_the_inputs_need_stay() -> None:
    found = slice_requirements(WHOLE, lambda path: path.startswith("services/orders/"))
    assert found == HEAD + FLASK + WERKZEUG
    assert slice_requirements(WHOLE, lambda path: path.startswith("services/users/")) == WHOLE


def test_names_after_via_may_stand_in_one_line() -> None:
    text = "a==1  # via -r services/orders/requirements.in\nb==1  # via a, c\nc==1  # via -r other.in\n"
    found = slice_requirements(text, lambda path: path == "services/orders/requirements.in")
    assert found == "a==1  # via -r services/orders/requirements.in\nb==1  # via a, c\n"


@pytest.mark.parametrize("text", ["flask==3.1.0\n", FLASK + "requests==2\n", "", "# nothing\n"])
def test_a_file_that_does_not_say_who_asked_is_not_reduced(text: str) -> None:
    assert slice_requirements(text, lambda _: True) is None
