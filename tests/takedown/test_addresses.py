"""How a notice names a file: so that a platform finds it, and so that no participant is named."""

from __future__ import annotations

import pytest

from crawler.models import Copy
from takedown.addresses import Address, addresses_of
from tests.takedown.leak import BLOB, BUNDLE, match

WHOLE = "0123456789ab" + "cdef" * 7


def address_of(path: str, platform: str = "github", **details: str) -> Address:
    copy = Copy(
        find_sha256=BUNDLE,
        source_id=1,
        url="https://code.example/a/study",
        platform=platform,
        details=details,
    )
    (found,) = addresses_of(copy, [match(BUNDLE, path=f"study@0123456789ab:{path}")])
    return found


@pytest.mark.parametrize(
    "name",
    [
        "withdrawn_20260411.csv",
        "11042026/pheno.csv",
        "run-20260411093000.log",
        "v2.1/chr22.csv",
        "12345.csv",
    ],
)
def test_a_day_in_a_name_is_given_so_that_the_file_can_be_found(name: str) -> None:
    assert address_of(name).line().endswith(f"/blob/0123456789ab/{name}")
    assert address_of(name, "git_server").line().endswith(f"file {name}")


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("4211337.csv", "[7 digits].csv"),
        ("20261341.csv", "[8 digits].csv"),  # no such month
        ("18500101.csv", "[8 digits].csv"),  # before there were files
        ("20260411993000.csv", "[14 digits].csv"),  # no such hour
        ("202604.csv", "[6 digits].csv"),
        ("sub-[id]/20260411.csv", "sub-[id]/20260411.csv"),
    ],
)
def test_what_may_be_an_id_is_masked_and_the_file_is_told_by_its_digest(name: str, shown: str) -> None:
    for platform in ("github", "git_server"):
        found = address_of(name, platform)
        assert found.path == shown
        assert found.line().endswith(f"file {shown}, SHA-256 of the file {BLOB}")
        if shown != name:
            assert name.removesuffix(".csv") not in found.line()


@pytest.mark.parametrize("key", ["head", "commit"])
def test_a_commit_that_is_known_in_full_is_given_in_full(key: str) -> None:
    assert len(WHOLE) == 40
    found = address_of("pheno.csv", **{key: WHOLE})
    assert found.line() == f"https://code.example/a/study/blob/{WHOLE}/pheno.csv"
    assert address_of("pheno.csv", "git_server", **{key: WHOLE}).line() == (
        f"https://code.example/a/study, commit {WHOLE}, file pheno.csv"
    )


@pytest.mark.parametrize("told", ["f" * 40, "0123456789ab/../x", ""])
def test_another_commit_is_not_taken_for_it(told: str) -> None:
    assert address_of("pheno.csv", head=told).commit == "0123456789ab"


def test_a_commit_that_an_examination_gives_in_full_is_kept() -> None:
    copy = Copy(find_sha256=BUNDLE, source_id=1, url="https://code.example/a/study", platform="github")
    (found,) = addresses_of(copy, [match(BUNDLE, path=f"study@{WHOLE}:pheno.csv")])
    assert found.commit == WHOLE


def test_a_line_says_nothing_twice() -> None:
    found = address_of("tables/list of ids.csv")
    assert found.line() == "https://code.example/a/study/blob/0123456789ab/tables/list%20of%20ids.csv"
    inner = address_of("all.zip!/ids.csv")
    assert inner.line() == "https://code.example/a/study/blob/0123456789ab/all.zip, file all.zip!/ids.csv"


def test_a_blob_that_no_commit_holds_is_told_by_its_digest_and_no_made_up_commit() -> None:
    copy = Copy(find_sha256=BUNDLE, source_id=1, url="https://code.example/a/study", platform="github")
    (found,) = addresses_of(copy, [match(BUNDLE, path=f"study@{'0' * 40}:{'5' * 40}")])
    assert found.line() == f"https://code.example/a/study, SHA-256 of the file {BLOB}"


def test_a_line_in_chinese_says_the_same() -> None:
    found = Address("https://shop.example/71001", "c0ffee", "a.csv", "71001", BLOB)
    assert found.line("zh") == (
        f"https://shop.example/71001，提交 c0ffee，文件 a.csv，商品 71001，文件 SHA-256 校验值 {BLOB}"
    )
