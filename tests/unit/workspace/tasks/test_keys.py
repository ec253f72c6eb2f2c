from __future__ import annotations

import os
import string

from hypothesis import assume, given
from hypothesis import strategies as st

from decant_tools.workspace.tasks.keys import Group, env_parts, explain, make_key, read_group

names = st.binary(min_size=1, max_size=20).filter(lambda name: b"\0" not in name).map(os.fsdecode)  # as git has them
parts = st.dictionaries(names, st.text(max_size=20), max_size=6)
blobs = st.text(string.hexdigits.lower(), min_size=4, max_size=8)
files = st.dictionaries(names, blobs, max_size=6).map(lambda found: tuple(sorted(found.items())))
NO_GROUPS: dict[str, Group] = {}


@given(parts, parts)
def test_two_keys_are_equal_exactly_when_all_parts_are(one: dict[str, str], other: dict[str, str]) -> None:
    assert (make_key(one.items()).digest == make_key(other.items()).digest) == (one == other)


@given(parts, st.randoms())
def test_the_order_of_parts_does_not_matter(one: dict[str, str], random: st.DrawFn) -> None:
    shuffled = list(one.items())
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert make_key(shuffled) == make_key(one.items())


@given(files, files)
def test_two_groups_have_one_digest_exactly_when_names_and_contents_are_equal(one: tuple, other: tuple) -> None:  # type: ignore[type-arg]
    assert (Group("x", one).digest == Group("y", other).digest) == (one == other)


@given(files)
def test_a_group_is_read_back_as_it_was_written(found: tuple) -> None:  # type: ignore[type-arg]
    assert read_group(Group("x", found).text) == dict(found)


@given(st.text(min_size=1), st.text(min_size=1))
def test_a_variable_counts_and_is_not_written_down(one: str, other: str) -> None:
    assume(one != other)
    first, second = (make_key(env_parts(["SECRET"], {"SECRET": value})) for value in (one, other))
    assert first.digest != second.digest
    assert len(first.told["env SECRET"]) == 4


def test_a_variable_that_is_not_set_differs_from_one_that_is_empty() -> None:
    assert make_key(env_parts(["A"], {})) != make_key(env_parts(["A"], {"A": ""}))


def test_a_pattern_takes_all_variables_that_match() -> None:
    found = dict(env_parts(["*_URL", "CI"], {"A_URL": "1", "B_URL": "2", "OTHER": "3"}))
    assert list(found) == ["env A_URL", "env B_URL", "env CI"]


def test_what_changed_is_named() -> None:
    old = Group("libs/a", (("libs/a/x.py", "1"), ("libs/a/y.py", "1")))
    new = Group("libs/a", (("libs/a/x.py", "2"), ("libs/a/z.py", "1")))
    before = make_key(
        [("files libs/a", old.digest), ("python", "3.11"), ("needs lib:a#build", "1"), ("env A", "1" * 64)]
    )
    now = make_key([("files libs/a", new.digest), ("python", "3.12"), ("needs lib:a#build", "2"), ("env A", "2" * 64)])
    told = explain(now, before.told, {old.digest: dict(old.files)}.get, {"files libs/a": new})
    assert told == [
        "the variable A changed",
        "libs/a/x.py changed, libs/a/y.py is gone, libs/a/z.py is new",
        "lib:a#build, which it needs, has other inputs",
        "python: 3.11 → 3.12",
    ]


def test_files_of_which_nothing_is_known_are_told_by_their_folder() -> None:
    now = make_key([("files libs/a", "2")])
    assert explain(now, {"files libs/a": "1"}, lambda _: None, NO_GROUPS) == ["files of libs/a changed"]


def test_many_changed_files_are_counted() -> None:
    new = Group("a", tuple((f"a/{number}", "1") for number in range(5)))
    (told,) = explain(make_key([("files a", new.digest)]), {}, lambda _: None, {"files a": new})
    assert told == "a/0 is new, a/1 is new, a/2 is new and 2 more"


def test_a_first_run_and_a_result_that_was_deleted_are_told_apart() -> None:
    now = make_key([("python", "3")])
    assert explain(now, None, lambda _: None, NO_GROUPS) == ["no result of it is kept"]
    assert explain(now, now.told, lambda _: None, NO_GROUPS) == ["its result is no longer kept"]
