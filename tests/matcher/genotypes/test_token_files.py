"""Tokens change hands as files: from stores and finds that other programs wrote, and back from hostile ones."""

from __future__ import annotations

import gzip
import json
import os
from pathlib import Path

import numpy as np
import pytest

from matcher.errors import BadSourceFile
from matcher.genotypes.enrol import enrol
from matcher.genotypes.handover import choose_groups, compare_tokens
from matcher.genotypes.site_lists import read_sites
from matcher.genotypes.store import open_store, withdraw
from matcher.genotypes.token_files import (
    read_key,
    read_tokens,
    require_comparable,
    write_tokens,
    write_tokens_of_find,
)
from tests.config.test_command_line import run as cohortwatch
from tests.matcher.genotypes.people import KEYS, people, run, write_vcf

MEMBERS = 200
KEY, OTHER_KEY = bytes(range(32)), bytes(range(1, 33))


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cohort's VCF, a find of thirty of them and ten strangers on swapped alleles, and the .bim that PLINK wrote."""
    folder = tmp_path_factory.mktemp("handover")
    of = people(MEMBERS + 40)
    names = [f"P{number:04}" for number in range(MEMBERS)]
    write_vcf(folder / "c.vcf", of, of.dosages[:, :MEMBERS], names)
    leaked = of.dosages[:, [*range(50, 80), *range(MEMBERS, MEMBERS + 10)]].copy()
    generator = np.random.default_rng(3)
    wrong = generator.random(leaked.shape) < 0.01
    leaked[wrong] = generator.integers(0, 3, wrong.sum())
    write_vcf(folder / "x.vcf", of, leaked, [f"X{n}" for n in range(40)], swap=True)
    run("plink1.9", "--vcf", folder / "c.vcf", "--make-bed", "--out", folder / "c")
    (folder / "key").write_text(KEY.hex() + "\n")
    (folder / "key").chmod(0o600)
    return folder


@pytest.fixture(scope="module")
def tokens(files: Path) -> tuple[Path, Path]:
    groups = choose_groups(read_sites(files / "c.bim"))
    enrol(files / "store", [files / "c.bed"], KEYS)
    store = open_store(files / "store", KEYS.genotypes)
    assert store is not None
    assert write_tokens(files / "c.tokens", store, groups, KEY) == MEMBERS
    assert write_tokens_of_find(files / "x.tokens", files / "x.vcf", groups, KEY) == 40
    return files / "x.tokens", files / "c.tokens"


def test_people_of_a_find_are_told_across_formats_and_codings(tokens: tuple[Path, Path]) -> None:
    found, held = (read_tokens(one) for one in tokens)
    require_comparable(found, held)
    answer = compare_tokens(found.tokens, held.tokens, found.groups)
    assert (answer.same | answer.same_or_kin).sum() == 30
    assert answer.same.sum() >= 28
    assert not answer.too_few.any()


def test_neither_ids_nor_the_order_of_people_are_in_the_file(files: Path, tokens: tuple[Path, Path]) -> None:
    assert b"P00" not in tokens[1].read_bytes()
    assert tokens[1].stat().st_mode & 0o077 == 0
    groups = choose_groups(read_sites(files / "c.bim"))
    store = open_store(files / "store", KEYS.genotypes)
    assert store is not None
    write_tokens(files / "again.tokens", store, groups, KEY)
    one, again = (np.array(read_tokens(path).tokens) for path in (tokens[1], files / "again.tokens"))
    assert (one != again).any()
    assert (np.sort(one[:, 0]) == np.sort(again[:, 0])).all()


def test_those_who_withdrew_have_no_tokens(files: Path, tmp_path: Path) -> None:
    enrol(tmp_path, [files / "c.vcf"], KEYS)
    withdraw(tmp_path, [f"P{number:04}" for number in range(50)], KEYS.genotypes)
    store = open_store(tmp_path, KEYS.genotypes)
    assert store is not None
    groups = choose_groups(read_sites(files / "c.bim"))
    assert write_tokens(tmp_path / "t", store, groups, KEY) == MEMBERS - 50


def test_other_keys_and_other_lists_are_told(files: Path, tokens: tuple[Path, Path], tmp_path: Path) -> None:
    groups = choose_groups(read_sites(files / "c.bim"))
    write_tokens_of_find(tmp_path / "k", files / "x.vcf", groups, OTHER_KEY)
    with pytest.raises(BadSourceFile, match="different keys"):
        require_comparable(read_tokens(tmp_path / "k"), read_tokens(tokens[1]))
    write_tokens_of_find(tmp_path / "s", files / "x.vcf", choose_groups(read_sites(files / "c.bim"), 3), KEY)
    with pytest.raises(BadSourceFile, match="different lists"):
        require_comparable(read_tokens(tmp_path / "s"), read_tokens(tokens[1]))


def test_a_find_without_genotypes_or_without_the_sites_is_told(files: Path, tmp_path: Path) -> None:
    groups = choose_groups(read_sites(files / "c.bim"))
    (tmp_path / "a.csv").write_text("a,b\n1,2\n")
    with pytest.raises(BadSourceFile, match="no genotypes"):
        write_tokens_of_find(tmp_path / "t", tmp_path / "a.csv", groups, KEY)
    (tmp_path / "sites").write_text("1 5 A C\n2 5 A C\n")
    with pytest.raises(BadSourceFile, match="in common"):
        write_tokens_of_find(
            tmp_path / "t", files / "x.vcf", choose_groups(read_sites(tmp_path / "sites")), KEY
        )


def test_lists_of_sites_in_their_usual_forms_are_the_same(files: Path, tmp_path: Path) -> None:
    bim = [line.split() for line in (files / "c.bim").read_text().splitlines()]
    with gzip.open(tmp_path / "score.txt.gz", "wt") as file:
        file.write("###PGS CATALOG SCORING FILE\n#pgs_id=PGS000001\n")
        file.write("rsID\tchr_name\tchr_position\teffect_allele\tother_allele\teffect_weight\n")
        file.writelines(f"{r[1]}\t{r[0]}\t{r[3]}\t{r[4]}\t{r[5]}\t0.1\n" for r in bim)
    (tmp_path / "plain.csv").write_text("".join(f"chr{r[0]},{r[3]},{r[5]},{r[4]}\n" for r in bim))
    by_vcf = choose_groups(read_sites(files / "c.vcf")).sites.positions
    for path in (files / "c.bim", tmp_path / "score.txt.gz", tmp_path / "plain.csv"):
        assert (choose_groups(read_sites(path)).sites.positions == by_vcf).all(), path.name


@pytest.mark.parametrize(
    "content",
    [
        b"", b"\n\n", b"# nothing\n", b"a b c\n", b"1 2\n", b"\xff\xfe\x00\x01", b"\x1f\x8bnot gzip",
        b"chr\tpos\tref\talt\n1\t5\n",
    ],
)  # fmt: skip
def test_what_is_no_list_of_sites_is_told(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "sites").write_bytes(content)
    with pytest.raises(BadSourceFile):
        read_sites(tmp_path / "sites")


def test_sites_that_make_no_sense_are_left_out(tmp_path: Path) -> None:
    (tmp_path / "sites").write_text(
        "1 1000 A C\nX 1000 A C\n1 -5 A C\n1 9999999999999 A C\n1 ² A C\n1 7 AT C\n"
    )
    assert len(choose_groups(read_sites(tmp_path / "sites")).sites) == 0  # one site makes no group


def test_keys_that_others_read_or_that_are_none_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "key"
    with pytest.raises(BadSourceFile, match="openssl"):
        read_key(path)
    path.write_text(KEY.hex())
    path.chmod(0o640)
    with pytest.raises(BadSourceFile, match="chmod 600"):
        read_key(path)
    path.chmod(0o600)
    assert read_key(path) == KEY
    path.write_text("not a key")
    with pytest.raises(BadSourceFile, match="64 hex"):
        read_key(path)


def test_files_that_were_tampered_with_are_refused(tokens: tuple[Path, Path], tmp_path: Path) -> None:
    whole = tokens[1].read_bytes()
    line, _, rest = whole.partition(b"\n")
    head = json.loads(line)
    spoilt = [
        b"", b"\n", whole[:-1], whole + b"\0", whole[:100], rest, b"[" * 4_000, b"{}" + b"\n" + rest,
        *(
            json.dumps({**head, **change}).encode() + b"\n" + rest
            for change in (
                {"people": 10**15}, {"people": -1}, {"people": True}, {"groups": 0}, {"groups": 1.5},
                {"group_size": 9}, {"group_size": None}, {"key": 5}, {"format": "x"}, {"people": "7"},
            )
        ),
    ]  # fmt: skip
    for number, content in enumerate(spoilt):
        (tmp_path / str(number)).write_bytes(content)
        with pytest.raises(BadSourceFile):
            read_tokens(tmp_path / str(number))
    empty = json.dumps({**head, "groups": 0, "people": 10**11}).encode() + b"\n"
    (tmp_path / "empty").write_bytes(empty)
    with pytest.raises(BadSourceFile):
        read_tokens(tmp_path / "empty")


def test_random_bytes_as_tokens_and_sites_match_nobody(tokens: tuple[Path, Path], tmp_path: Path) -> None:
    line, _, rest = tokens[1].read_bytes().partition(b"\n")
    (tmp_path / "noise").write_bytes(line + b"\n" + os.urandom(len(rest)))
    noise = read_tokens(tmp_path / "noise")
    assert not compare_tokens(noise.tokens, read_tokens(tokens[1]).tokens, noise.groups).same.any()


def test_two_organisations_on_the_command_line(files: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    cohortwatch(home, "init", code=0)
    cohortwatch(home, "cohort", "add", "made", "--genotypes", str(files / "c.vcf"), code=0)
    shared = ("--sites", str(files / "c.bim"), "--key", str(files / "key"))
    cohortwatch(home, "cohort", "tokens", "made", *shared, "--out", str(tmp_path / "c"), code=0)
    cohortwatch(
        home, "cohort", "tokens", "made", *shared, "--find", str(files / "x.vcf"),
        "--out", str(tmp_path / "x"), code=0,
    )  # fmt: skip
    done = cohortwatch(
        home, "cohort", "tokens-match", str(tmp_path / "x"), str(tmp_path / "c"), "--json", code=1
    )
    answer = json.loads(done.stdout)
    assert answer["same"] + answer["same_or_kin"] == 30
    assert (answer["people"], answer["too_few_groups"]) == (40, 0)
    plain = cohortwatch(home, "cohort", "tokens-match", str(tmp_path / "x"), str(tmp_path / "c"), code=1)
    assert "of 40 people of x are among the 200 of c" in plain.stdout
    master = home / "keys" / "master.key"
    refused = cohortwatch(
        home, "cohort", "tokens", "made", "--sites", str(files / "c.bim"), "--key", str(master),
        "--out", str(tmp_path / "no"), code=2,
    )  # fmt: skip
    assert "own master key" in refused.stderr
    assert not (tmp_path / "no").exists()
