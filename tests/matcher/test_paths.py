"""Paths inside containers and histories: names are masked, commits never are, and people are shown a short form."""

from __future__ import annotations

import re

import pytest

from matcher.paths import inner_path, masked, name_of, short_path

COMMIT = "5b1234567c" * 4
OTHER = "e7654321f0d3" * 5 + "abcd"


def hide(name: str) -> str:
    return re.sub(r"\d{7}", "[id]", name)


@pytest.mark.parametrize(
    ("path", "name", "inner"),
    [
        ("/found/a.csv", "a.csv", "a.csv"),
        ("/found/data.zip!/x/a.csv", "a.csv", "x/a.csv"),
        (f"/found/clone@{COMMIT}:x/a.csv", "a.csv", "x/a.csv"),
        (f"/found/clone@{OTHER}:x/data.zip!/a.csv", "a.csv", "a.csv"),
        (f"/found/clone@{COMMIT}:x/me@example.org:a.csv", "me@example.org:a.csv", "x/me@example.org:a.csv"),
        ("/found/clone@5b1234567c5b:a.csv", "clone@5b1234567c5b:a.csv", "clone@5b1234567c5b:a.csv"),
    ],
)
def test_a_path_is_taken_apart_at_containers_and_commits(path: str, name: str, inner: str) -> None:
    assert name_of(path) == name
    assert inner_path(path) == inner


def test_ids_in_names_are_masked_on_both_sides_of_a_commit_that_stays() -> None:
    path = f"sub1234567.bundle@{COMMIT}:1234567/a.zip!/7654321.csv"
    assert masked(path, hide) == f"sub[id].bundle@{COMMIT}:[id]/a.zip!/[id].csv"


def test_a_short_commit_that_somebody_named_a_file_by_is_masked() -> None:
    """Only a whole commit is the program's own word; twelve digits may be a participant's."""
    assert masked("a@123456700000:b.csv", hide) == "a@[id]00000:b.csv"


def test_people_are_shown_twelve_digits_of_a_commit() -> None:
    assert short_path(f"clone@{COMMIT}:a.csv") == "clone@5b1234567c5b:a.csv"
    assert short_path(f"clone@{OTHER}:a.csv") == "clone@e7654321f0d3:a.csv"
    assert short_path("clone@5b1234567c5b:a.csv") == "clone@5b1234567c5b:a.csv"
