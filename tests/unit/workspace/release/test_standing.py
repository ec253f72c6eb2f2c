"""A project's version is the highest of its tags that HEAD reaches; what came after it is counted."""

from __future__ import annotations

from pathlib import Path

import pytest

from decant.errors import CommandError
from decant_tools.workspace.release.history import labels_of
from decant_tools.workspace.release.standing import choose, standings
from tests.unit.workspace.release.shop import Shop


def versions(shop: Shop) -> dict[str, str]:
    return {name: str(each.version) for name, each in standings(shop.view).items()}


def subjects(shop: Shop, project: str) -> list[str]:
    return [commit.subject for commit in standings(shop.view)[project].commits]


def test_without_tags_everything_but_modules_is_at_0_1_0(shop: Shop) -> None:
    names = ["lib:base", "lib:common", "service:orders", "service:shop", "service:users"]
    assert versions(shop) == dict.fromkeys(names, "0.1.0")


def test_the_highest_reachable_tag_wins(shop: Shop) -> None:
    for tag in ("orders-v1.10.0", "orders-v1.9.0", "orders-v2.0.0-rc.1", "orders-vnext", "orders-v1", "users-v0.3.0"):
        shop.git("tag", tag)
    shop.git("checkout", "-q", "-b", "other")
    shop.change("fix: elsewhere", "services/orders/a.py")
    shop.git("tag", "-a", "-m", "x", "orders-v3.0.0")
    assert versions(shop)["service:orders"] == "3.0.0"
    shop.git("checkout", "-q", "main")
    assert versions(shop)["service:orders"] == "2.0.0-rc.1"
    assert versions(shop)["service:users"] == "0.3.0"


def test_a_tag_belongs_to_the_longest_name() -> None:
    labels = labels_of([("service:a", "service", "a"), ("service:a-v1.0.0", "service", "a-v1.0.0")])
    assert labels == {"service:a": "a", "service:a-v1.0.0": "a-v1.0.0"}


def test_a_name_in_two_kinds_has_two_tags() -> None:
    labels = labels_of(
        [("lib:auth", "lib", "auth"), ("module:auth", "module", "auth"), ("service:auth", "service", "auth")]
    )
    assert labels == {"service:auth": "auth", "lib:auth": "lib/auth", "module:auth": "module/auth"}


def test_a_module_has_a_version_once_it_has_a_tag(shop: Shop) -> None:
    shop.git("tag", "catalog-v2.1.0")
    shop.change("feat: more", "shop/catalog/api.py")
    found = standings(shop.view)
    assert str(found["module:catalog"].version) == "2.1.0"
    assert found["service:shop"].needs == ("module:catalog",)
    assert [commit.subject for commit in found["module:catalog"].own] == ["feat: more"]


def test_commits_that_touch_a_project_or_what_it_needs_are_counted(shop: Shop) -> None:
    shop.git("tag", "orders-v1.0.0")
    shop.change("fix: own", "services/orders/app.py")
    shop.change("feat: of users", "services/users/app.py")
    shop.change("fix: deep", "libs/base/a.py")
    shop.change("docs: nobody's", "README.md")
    shop.change("release: users 0.1.0", "services/orders/CHANGELOG.md")
    shop.git("rm", "-q", "services/orders/__init__.py")
    shop.change("remove a file")
    assert subjects(shop, "service:orders") == ["remove a file", "fix: own", "fix: deep"]
    standing = standings(shop.view)["service:orders"]
    assert {need: [each.subject for each in found] for need, found in standing.behind.items()} == {
        "lib:common": ["fix: deep"]
    }


def test_files_of_hosted_modules_and_beside_them_count(shop: Shop) -> None:
    shop.git("tag", "shop-v1.0.0")
    shop.change("feat: api", "shop/catalog/api.py")
    shop.change("fix: data", "shop/catalog/static/a.css")
    shop.change("fix: all", "shop/templates/base.html")
    assert subjects(shop, "service:shop") == ["fix: all", "fix: data", "feat: api"]


def test_a_merge_counts_with_what_it_changes_itself(shop: Shop) -> None:
    shop.git("tag", "orders-v1.0.0")
    shop.git("checkout", "-q", "-b", "side")
    shop.change("fix: side", "services/orders/side.py")
    shop.git("checkout", "-q", "main")
    shop.change("fix: main", "services/orders/main.py")
    shop.git("merge", "-q", "--no-ff", "-m", "Merge side", "side")
    assert sorted(subjects(shop, "service:orders")) == ["fix: main", "fix: side"]


def test_a_workspace_in_a_folder_of_the_repository(tmp_path: Path) -> None:
    outer = Shop(tmp_path)
    outer.change("Begin", "backend/services/orders/app.py", "frontend/app.js")
    outer.git("tag", "orders-v1.2.0")
    outer.change("feat: orders", "backend/services/orders/app.py")
    outer.change("feat: page", "frontend/app.js")
    inner = Shop.__new__(Shop)
    inner.root = tmp_path / "backend"
    assert versions(inner)["service:orders"] == "1.2.0"
    assert subjects(inner, "service:orders") == ["feat: orders"]


def test_names_mean_projects(shop: Shop) -> None:
    found = standings(shop.view)
    assert list(choose(found, ["orders", "lib:base"])) == ["lib:base", "service:orders"]
    assert choose(found, []) == found
    with pytest.raises(CommandError, match="ordres") as caught:
        choose(found, ["ordres"])
    assert caught.value.exit_code == 4
    assert "orders" in (caught.value.hint or "")
