"""The plan of a release follows from commits, tags and the graph."""

from __future__ import annotations

from decant_tools.workspace.release.plan import Step, plan_release
from decant_tools.workspace.release.semver import Bump
from decant_tools.workspace.release.standing import standings
from tests.unit.workspace.release.shop import Shop


def tag_all(shop: Shop, version: str = "1.0.0") -> None:
    for name in ("base", "common", "orders", "shop", "users"):
        shop.git("tag", f"{name}-v{version}")


def plan(
    shop: Shop, wanted: set[str] | None = None, bump: Bump | None = None, *, everything: bool = False
) -> list[Step]:
    return list(plan_release(standings(shop.view), wanted=wanted, bump=bump or "auto", everything=everything))


def titles(steps: list[Step]) -> list[str]:
    return [step.title for step in steps]


def test_the_first_version_is_0_1_0(shop: Shop) -> None:
    assert sorted(titles(plan(shop))) == ["base 0.1.0", "common 0.1.0", "orders 0.1.0", "shop 0.1.0", "users 0.1.0"]


def test_nothing_changed_is_nothing_to_do(shop: Shop) -> None:
    tag_all(shop)
    assert plan(shop) == []


def test_the_most_that_commits_do_decides(shop: Shop) -> None:
    tag_all(shop)
    shop.change("fix: a", "services/users/a.py", "services/orders/a.py", "shop/catalog/api.py")
    shop.change("feat: b", "services/orders/b.py", "shop/catalog/api.py")
    shop.change("feat!: c", "shop/catalog/api.py")
    assert sorted(titles(plan(shop))) == ["orders 1.1.0", "shop 2.0.0", "users 1.0.1"]


def test_what_breaks_before_1_raises_the_minor_part(shop: Shop) -> None:
    tag_all(shop, "0.3.1")
    shop.change("fix!: c", "services/users/a.py")
    assert titles(plan(shop)) == ["users 0.4.0"]


def test_words_alone_are_a_fix_and_docs_are_nothing(shop: Shop) -> None:
    tag_all(shop)
    shop.change("Tidy up", "services/users/a.py")
    shop.change("docs: say more", "services/orders/README.md", "libs/base/README.md")
    assert titles(plan(shop)) == ["users 1.0.1"]


def test_a_lib_releases_those_who_need_it_after_itself(shop: Shop) -> None:
    tag_all(shop)
    shop.change("feat: deep", "libs/base/a.py")
    steps = plan(shop)
    assert titles(steps) == ["base 1.1.0", "common 1.0.1", "orders 1.0.1"]
    assert [step.why for step in steps] == ["a feature", "dependency: base 1.1.0", "dependency: common 1.0.1"]


def test_own_commits_come_before_those_of_a_lib(shop: Shop) -> None:
    tag_all(shop)
    shop.change("feat: both", "libs/common/a.py", "services/orders/a.py")
    (common, orders) = plan(shop)
    assert (common.title, orders.title) == ("common 1.1.0", "orders 1.1.0")
    assert orders.dependencies == ("common 1.1.0",)


def test_naming_a_project_releases_it_and_those_who_need_it(shop: Shop) -> None:
    tag_all(shop)
    shop.change("feat: all", "libs/common/a.py", "services/users/a.py")
    assert titles(plan(shop, {"lib:common"})) == ["common 1.1.0", "orders 1.0.1"]
    (alone,) = plan(shop, {"service:orders"})
    assert (alone.title, alone.why) == ("orders 1.0.1", "dependency: common 1.0.0")


def test_a_part_can_be_said(shop: Shop) -> None:
    tag_all(shop)
    shop.change("fix: a", "services/users/a.py")
    assert titles(plan(shop, bump="major")) == ["users 2.0.0"]
    assert titles(plan(shop, {"service:orders"}, "minor")) == ["orders 1.1.0"]
    assert plan(shop, {"service:orders"}) == []


def test_a_first_version_can_be_1(shop: Shop) -> None:
    assert titles(plan(shop, {"service:users"}, "major")) == ["users 1.0.0"]


def test_all_gives_everything_a_version(shop: Shop) -> None:
    tag_all(shop)
    assert len(plan(shop, everything=True)) == 5
    assert "users 1.0.1" in titles(plan(shop, everything=True))


def test_a_pre_release_becomes_its_release(shop: Shop) -> None:
    tag_all(shop)
    shop.git("tag", "users-v2.0.0-rc.1")
    shop.change("fix: a", "services/users/a.py")
    assert titles(plan(shop)) == ["users 2.0.0"]


def test_a_version_never_falls_below_what_the_manifest_says(shop: Shop) -> None:
    shop.write({"services/users/pyproject.toml": '[project]\nname = "users"\nversion = "3.1.0"\n'})
    shop.change("fix: a")
    (step,) = plan(shop, {"service:users"})
    assert (step.title, step.why) == ("users 3.1.0", "first version; pyproject.toml says 3.1.0")
