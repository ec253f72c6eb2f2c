"""A release is one commit with its tags, or nothing at all."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from decant.errors import CommandError
from decant_tools.workspace.git import Git
from decant_tools.workspace.release import Published, open_for_versions, plan_release, publish, standings
from decant_tools.workspace.release.conventional import parse_message
from decant_tools.workspace.release.publish import message_of
from tests.unit.workspace.release.shop import HandMade, Shop

DATE = "2026-11-21"
MANIFEST = '[project]\nname = "users"\nversion = "0.0.1" # by hand\n'
LOCK = (
    'version = 1\n\n[[package]]\nname = "flask"\nversion = "0.0.1"\n\n'
    '[[package]]\nname = "users"\nversion = "0.0.1"\nsource = { editable = "services/users" }\n'
)


def go(shop: Shop, *wanted: str, with_tags: bool = True) -> Published:
    view = shop.view
    steps = plan_release(standings(view), wanted=set(wanted) or None)
    return publish(view, steps, date=DATE, with_tags=with_tags)


def test_one_commit_carries_changelogs_and_tags(shop: Shop) -> None:
    shop.change("feat: greet", "services/users/app.py")
    done = go(shop, "service:users", "lib:base")
    assert (
        shop.git("log", "-1", "--format=%s").strip() == "release: base 0.1.0, common 0.1.0, orders 0.1.0, users 0.1.0"
    )
    assert sorted(done.tags) == shop.tags() == ["base-v0.1.0", "common-v0.1.0", "orders-v0.1.0", "users-v0.1.0"]
    assert shop.read("services/users/CHANGELOG.md") == (
        "# Changelog\n\n## [0.1.0] - 2026-11-21\n\n### Added\n\n- greet\n\n### Changed\n\n- Begin\n"
    )
    assert shop.git("cat-file", "-t", "users-v0.1.0").strip() == "tag"
    assert "### Added" in shop.git("tag", "--list", "--format=%(contents)", "users-v0.1.0")
    assert shop.git("status", "--porcelain") == ""
    assert done.commit == shop.git("rev-parse", "users-v0.1.0^{commit}").strip()


def test_a_long_list_goes_into_the_body(shop: Shop) -> None:
    steps = plan_release(standings(shop.view)) * 2
    subject, _, body = message_of(steps).partition("\n\n")
    assert subject.endswith("and 2 more")
    assert body.count("- users 0.1.0\n") == 2
    assert parse_message(message_of(steps)).type == "release"


def test_afterwards_nothing_has_changed(shop: Shop) -> None:
    go(shop)
    assert plan_release(standings(shop.view)) == ()
    shop.change("fix: a", "services/users/app.py")
    go(shop)
    assert shop.tags()[-1] == "users-v0.1.1"
    assert shop.read("services/users/CHANGELOG.md").count("## [") == 2


def test_a_service_of_modules_has_the_workspaces_changelog(shop: Shop) -> None:
    go(shop, "service:shop")
    assert "## [0.1.0]" in shop.read("CHANGELOG.md")


def test_static_versions_are_written_in_the_manifest_and_the_lock(shop: Shop) -> None:
    shop.write({"services/users/pyproject.toml": MANIFEST, "uv.lock": LOCK})
    shop.change("feat: a manifest")
    go(shop, "service:users")
    assert shop.read("services/users/pyproject.toml") == MANIFEST.replace("0.0.1", "0.1.0")
    assert [each["version"] for each in tomllib.loads(shop.read("uv.lock"))["package"]] == ["0.0.1", "0.1.0"]


def test_without_tags_a_later_release_tags_without_a_commit(shop: Shop) -> None:
    assert go(shop, "service:users", with_tags=False).tags == ()
    head = shop.git("rev-parse", "HEAD")
    done = go(shop, "service:users")
    assert (done.is_new, done.tags) == (False, ("users-v0.1.0",))
    assert shop.git("rev-parse", "HEAD") == head


def refused(shop: Shop, exit_code: int = 6) -> str:
    with pytest.raises(CommandError) as caught:
        go(shop)
    assert caught.value.exit_code == exit_code
    assert not shop.tags()
    return f"{caught.value.detail} {caught.value.hint}"


def test_a_dirty_tree_is_refused(shop: Shop) -> None:
    shop.write({"services/users/new.py": "", "services/users/__init__.py": "x"})
    assert "services/users/__init__.py, services/users/new.py" in refused(shop)


def test_a_detached_head_is_refused(shop: Shop) -> None:
    shop.git("checkout", "-q", "--detach")
    assert "git switch" in refused(shop)


def test_a_shallow_clone_is_refused(shop: Shop, tmp_path: Path) -> None:
    shop.change("fix: a", "services/users/a.py")
    shop.git("clone", "-q", "--depth=1", shop.root.as_uri(), str(tmp_path / "clone"))
    clone = Shop.__new__(Shop)
    clone.root = tmp_path / "clone"
    assert "git fetch --unshallow --tags" in refused(clone)


def test_without_git_there_is_nothing_to_tag(tmp_path: Path, shop: Shop) -> None:
    view: HandMade = shop.view
    view.root, view.git = tmp_path / "elsewhere", None
    view.root.mkdir()
    with pytest.raises(CommandError, match="git") as caught:
        open_for_versions(view)  # type: ignore[arg-type]
    assert caught.value.exit_code == 6


def test_a_tag_of_another_branch_is_refused_before_anything_is_written(shop: Shop) -> None:
    shop.git("checkout", "-q", "-b", "other")
    shop.change("fix: a", "services/users/a.py")
    shop.git("tag", "users-v0.1.0")
    shop.git("checkout", "-q", "main")
    head = shop.git("rev-parse", "HEAD")
    with pytest.raises(CommandError, match=r"users-v0\.1\.0"):
        go(shop)
    assert shop.git("rev-parse", "HEAD") == head
    assert shop.tags() == ["users-v0.1.0"]


def hook(shop: Shop, name: str, script: str) -> None:
    path = shop.root / ".git" / "hooks" / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def test_a_refused_commit_leaves_everything_as_it_was(shop: Shop) -> None:
    shop.write({"services/users/CHANGELOG.md": "# Mine\n"})
    shop.change("docs: mine")
    head = shop.git("rev-parse", "HEAD")
    hook(shop, "pre-commit", "echo no release today >&2; exit 1")
    with pytest.raises(CommandError, match="no release today"):
        go(shop)
    assert shop.git("rev-parse", "HEAD") == head
    assert shop.git("status", "--porcelain") == ""
    assert shop.read("services/users/CHANGELOG.md") == "# Mine\n"
    assert not (shop.root / "services/orders/CHANGELOG.md").exists()


def test_what_a_hook_changes_and_adds_is_in_the_commit(shop: Shop) -> None:
    hook(shop, "pre-commit", 'git diff --cached --name-only -z | xargs -0 -I{} sh -c "echo >> {}"; git add -u')
    go(shop)
    assert shop.git("status", "--porcelain") == ""
    assert shop.read("services/orders/CHANGELOG.md").endswith("\n\n")


def test_a_failing_tag_takes_the_others_back_and_a_second_run_goes_on(shop: Shop) -> None:
    hook(shop, "reference-transaction", '[ "$1" = prepared ] && grep -q users-v && { echo no; exit 1; }\nexit 0')
    with pytest.raises(CommandError, match="no tag is left") as caught:
        go(shop)
    assert shop.tags() == []
    assert "again" in (caught.value.hint or "")
    (shop.root / ".git/hooks/reference-transaction").unlink()
    done = go(shop)
    assert (done.is_new, len(done.tags)) == (False, 5)


def test_a_missing_name_is_said_in_gits_words(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.git("config", "--unset", "user.name")
    shop.git("config", "--unset", "user.email")
    shop.git("config", "user.useConfigOnly", "true")
    for name in ("GIT_AUTHOR_NAME", "GIT_AUTHOR_EMAIL", "GIT_COMMITTER_NAME", "GIT_COMMITTER_EMAIL", "EMAIL"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(CommandError, match="git commit"):
        go(shop)
    assert Git.open(shop.root) is not None
    assert shop.git("status", "--porcelain") == ""
