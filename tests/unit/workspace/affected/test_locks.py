"""What changed lock files mean."""

from __future__ import annotations

import pytest

from decant_tools.workspace.affected.locks import (
    LockError,
    Reached,
    changed_packages,
    kind_of,
    members_reached,
    read_lock,
    wanted_of,
)

INDEX = 'source = { registry = "https://pypi.example.org/simple" }'


def package(
    name: str, version: str = "1.0", *, needs: str = "", digest: str = "aa", more: str = "", url: str = "f"
) -> str:
    return f"""
[[package]]
name = "{name}"
version = "{version}"
{INDEX}
dependencies = [{needs}]
sdist = {{ url = "https://files.example.org/{url}.tar.gz", hash = "sha256:{digest}", size = 1 }}
{more}
"""


def member(name: str, path: str, needs: str = "", more: str = "") -> str:
    kind = "virtual" if path == "." else "editable"
    return f"""
[[package]]
name = "{name}"
version = "0.1.0"
source = {{ {kind} = "{path}" }}
dependencies = [{needs}]
{more}
"""


def need(*names: str) -> str:
    return ", ".join(f'{{ name = "{name}" }}' for name in names)


def uv(*packages: str) -> bytes:
    return ("version = 1\nrevision = 3\n" + "".join(packages)).encode()


ORDERS = member("orders", "services/orders", need("flask", "common"))
USERS = member("users", "services/users", need("requests"), '[package.dev-dependencies]\ndev = [{ name = "pytest" }]')
COMMON = member("common", "libs/common", need("jinja2"), '[package.optional-dependencies]\nxml = [{ name = "lxml" }]')
ROOT = member("root", ".", need("orders", "users"), '[package.dev-dependencies]\ndev = [{ name = "ruff" }]')
REST = (
    package("flask", needs=need("jinja2")), package("jinja2", needs=need("markupsafe")), package("markupsafe"),
    package("requests"), package("pytest"), package("ruff"), package("lxml"),
)  # fmt: skip
LOCK = uv(ROOT, ORDERS, USERS, COMMON, *REST)


def reached(new: bytes, old: bytes = LOCK, path: str = "uv.lock") -> dict[str, Reached]:
    before, after = read_lock(path, old), read_lock(path, new)
    changed = changed_packages(before, after)
    return members_reached(before, changed) | members_reached(after, changed)


def test_a_package_deep_below_marks_who_reaches_it_and_nobody_else() -> None:
    new = LOCK.replace(package("markupsafe").encode(), package("markupsafe", "1.1").encode())
    assert reached(new) == {
        "services/orders": Reached("markupsafe", spreads=True),
        "libs/common": Reached("markupsafe", spreads=True),
    }


def test_the_same_packages_written_otherwise_are_no_change() -> None:
    other = (
        uv(*REST, COMMON, USERS, ORDERS, ROOT).replace(b"revision = 3", b"revision = 2").replace(b"/f.tar", b"/g.tar")
    )
    assert changed_packages(read_lock("uv.lock", LOCK), read_lock("uv.lock", other)) == frozenset()


@pytest.mark.parametrize(
    "changed",
    [
        package("requests", digest="bb"),
        package("requests", more="resolution-markers = [\"python_version < '3.12'\"]"),
        package("requests").replace("pypi.example.org", "mirror.example.org"),
        package("requests") + package("requests", "2.0"),
        "",
    ],
    ids=["hashes", "markers", "source", "fork", "gone"],
)
def test_a_package_is_another_by_its_hashes_markers_source_and_when_it_is_gone(changed: str) -> None:
    assert set(reached(LOCK.replace(package("requests").encode(), changed.encode()))) == {"services/users"}


def test_a_requirement_that_was_taken_away_marks_who_had_it() -> None:
    new = LOCK.replace(package("flask", needs=need("jinja2")).encode(), package("flask").encode())
    assert set(reached(new)) == {"services/orders"}


def test_tools_of_a_project_are_not_passed_on() -> None:
    assert reached(LOCK.replace(package("pytest").encode(), package("pytest", "9").encode())) == {
        "services/users": Reached("pytest", spreads=False)
    }
    assert reached(LOCK.replace(package("lxml").encode(), package("lxml", "9").encode())) == {
        "libs/common": Reached("lxml", spreads=False)
    }


def test_an_extra_is_passed_on_to_who_asks_for_it() -> None:
    asking = LOCK.replace(
        ORDERS.encode(), member("orders", "services/orders", '{ name = "common", extra = ["xml"] }').encode()
    )
    new = asking.replace(package("lxml").encode(), package("lxml", "9").encode())
    assert reached(new, asking)["services/orders"] == Reached("lxml", spreads=True)


def test_the_root_reaches_what_it_needs_by_itself_only() -> None:
    assert reached(LOCK.replace(package("ruff").encode(), package("ruff", "9").encode())) == {
        "": Reached("ruff", spreads=False)
    }
    assert "" not in reached(
        LOCK.replace(package("flask", needs=need("jinja2")).encode(), package("flask", "9").encode())
    )


def test_a_new_lock_is_compared_with_nothing() -> None:
    before, after = read_lock("uv.lock", None), read_lock("uv.lock", LOCK)
    assert set(members_reached(after, changed_packages(before, after))) == {
        "",
        "services/orders",
        "services/users",
        "libs/common",
    }


@pytest.mark.parametrize(
    ("path", "content", "words"),
    [
        ("uv.lock", b"version = ", "uv.lock"),
        ("uv.lock", b"\xff\xfe", "UTF-8"),
        ("uv.lock", b"[[package]]\nname = 1\n", "known"),
        ("uv.lock", b"", "known"),
        ("uv.lock", b'version = 1\npackage = "x"\n', "known"),
        ("uv.lock", b"version = 1\n<<<<<<< HEAD\n", "merge"),
        ("poetry.lock", b"x = 1", "known"),
        ("poetry.lock", b"x = " + 20_000 * b"[", "poetry.lock"),
        ("requirements.txt", b"a==1\n<<<<<<< HEAD\nb==2\n", "merge"),
    ],
)
def test_what_cannot_be_read_says_why(path: str, content: bytes, words: str) -> None:
    with pytest.raises(LockError, match=words):
        read_lock(path, content)


@pytest.mark.parametrize(
    ("path", "text", "words"),
    [
        ("uv.lock", "# x\n", "it has no version; `uv lock` writes one"),
        ("uv.lock", 'version = "1"\n', "its version is no whole number"),
        ("uv.lock", "version = 1\npackage = 3\n", "package is no list of tables"),
        ("uv.lock", 'version = 1\npackage = ["a"]\n', "package is no list of tables"),
        ("uv.lock", "version = 1\n[[package]]\nversion = '1'\n", "package 1 has no name"),
        ("uv.lock", "version = 1\n[[package]]\nname = 3\n", "package 1 has no name"),
        ("uv.lock", "version = 1\n[[package]]\nname = 'a'\ndependencies = 3\n", "package a is not written as uv does"),
        (
            "uv.lock",
            "version = 1\n[[package]]\nname = 'a'\ndependencies = [{}]\n",
            "package a is not written as uv does",
        ),
        ("uv.lock", "version = 1\n[[package]]\nname = 'a'\nwheels = 3\n", "package a is not written as uv does"),
        ("uv.lock", "version = 1\n[[package]]\nname = 'a'\nsource = 3\n", "package a is not written as uv does"),
        ("poetry.lock", "# x\n", "it lists no packages"),
        ("pdm.lock", "package = 3\n", "package is no list of tables"),
        ("pylock.toml", "[[packages]]\nversion = '1'\n", "package 1 has no name"),
        ("pylock.toml", "packages = [1]\n", "packages is no list of tables"),
    ],
)
def test_what_is_no_lock_is_told_in_words(path: str, text: str, words: str) -> None:
    with pytest.raises(LockError) as caught:
        read_lock(f"a/{path}", text.encode())
    assert str(caught.value) == f"a/{path} is no lock file of a kind that is known here: {words}"


@pytest.mark.parametrize(
    ("old", "new", "changed"),
    [
        (
            b'lock-version = "2.1"\n[[package]]\nname = "a"\nversion = "1"\n',
            b'[[package]]\nversion = "2"\nname = "a"\n',
            {"a"},
        ),
        (
            b'[[package]]\nname = "a"\nversion = "1"\n[metadata]\ncontent-hash = "1"\n',
            b'[[package]]\nname = "a"\nversion = "1"\n',
            set(),
        ),
        (b'lock-version = "1.0"\n[[packages]]\nname = "A_b"\nversion = "1"\n', b'lock-version = "1.0"\n', {"a-b"}),
    ],
    ids=["poetry", "metadata", "pylock"],
)
def test_locks_of_one_environment(old: bytes, new: bytes, changed: set[str]) -> None:
    assert changed_packages(read_lock("poetry.lock", old), read_lock("poetry.lock", new)) == changed


PINS = b"""\
# made by a tool
--index-url https://pypi.example.org/simple
flask==3.1.0 \\
    --hash=sha256:aa \\
    --hash=sha256:bb
    # via -r requirements.in
jinja2==3.1.6 \\
    --hash=sha256:cc
    # via flask
markupsafe==3.0.2 \\
    --hash=sha256:dd
    # via
    #   jinja2
    #   other[extra]
requests==2.32.0  # via -r requirements.in
"""


@pytest.mark.parametrize(
    ("old", "new", "changed"),
    [
        (b"sha256:aa", b"sha256:ab", {"flask"}),
        (b"jinja2==3.1.6", b"jinja2==3.1.7", {"jinja2"}),
        (b"# made by a tool\n", b"# made by another\n\n", set()),
        (b"    --hash=sha256:aa \\\n    --hash=sha256:bb\n", b"    --hash=sha256:bb \\\n    --hash=sha256:aa\n", set()),
        (b"pypi.example.org", b"mirror.example.org", {""}),
        (b"requests==2.32.0", b"requests==2.32.0 ; python_version < '3.12'", {"requests"}),
    ],
)
def test_pins_are_compared_by_what_they_say(old: bytes, new: bytes, changed: set[str]) -> None:
    assert (
        changed_packages(read_lock("requirements.txt", PINS), read_lock("requirements.txt", PINS.replace(old, new)))
        == changed
    )


def test_comments_say_who_needs_a_pin() -> None:
    lock = read_lock("requirements.txt", PINS)
    assert wanted_of(lock, ["flask"]) == {"flask", "jinja2", "markupsafe"}
    assert wanted_of(lock, ["requests"]) == {"requests"}
    assert wanted_of(lock, ["other"]) == {"other", "markupsafe"}
    assert not read_lock("requirements.txt", b"flask==3\n").needs


@pytest.mark.parametrize(
    ("pins", "unexplained"),
    [
        (b"flask==3\n", {"flask"}),
        (b"flask==3  # via -r x.in\njinja2==3  # via flask\n", set()),
        (b"flask==3\n    # via\n    #   -r x.in\n    #   flask-login\njinja2==3\n", {"jinja2"}),
        (b"flask==3\n    # via shop (pyproject.toml)\n", {"flask"}),
        (PINS, set()),
    ],
)
def test_a_pin_without_such_a_comment_may_be_anybody_s(pins: bytes, unexplained: set[str]) -> None:
    assert read_lock("requirements.txt", pins).unexplained == unexplained


def test_a_list_may_have_any_name() -> None:
    assert set(read_lock("requirements/base.in", b"flask\n-e x\n").packages) == {"flask", ""}


@pytest.mark.parametrize("path", ["uv.lock", "a/uv.lock", "poetry.lock", "pdm.lock", "pylock.toml", "pylock.dev.toml", "requirements.txt",
                                  "requirements-dev.txt", "constraints.txt", "requirements.lock"])  # fmt: skip
def test_locks_are_known_by_their_names(path: str) -> None:
    assert kind_of(path)
    assert not kind_of(path + "x")
