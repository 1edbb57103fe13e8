"""Two sides tell the same people by keyed tokens, and neither kin nor strangers are taken for them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest

from matcher.genotypes.handover import (
    MISSING,
    Compared,
    Groups,
    Tokens,
    choose_groups,
    compare_tokens,
    tokens_of,
)
from matcher.genotypes.sites import FoundVariants

KEY, OTHER_KEY = bytes(range(32)), bytes(range(1, 33))
LENGTHS = (
    249,
    243,
    198,
    191,
    182,
    171,
    159,
    145,
    138,
    134,
    135,
    133,
    114,
    107,
    102,
    90,
    83,
    80,
    59,
    64,
    47,
    51,
)
"""Chromosomes in millions of bases, as in people."""
Calls = npt.NDArray[np.int8]
A, C, G, T = range(4)


def sites_of(per_megabase: int = 5) -> FoundVariants:
    """An array's sites: evenly dense, one allele pair after the other, nothing linked."""
    generator = np.random.default_rng(1)
    chromosomes, positions = [], []
    for number, length in enumerate(LENGTHS, start=1):
        count = length * per_megabase
        chromosomes.append(np.full(count, number, np.uint8))
        positions.append(np.sort(generator.choice(length * 1_000_000, count, replace=False)) + 1)
    count = sum(len(one) for one in positions)
    pairs = np.array([(A, C), (G, A), (T, C), (G, T)], np.uint8)[np.arange(count) % 4]
    return FoundVariants(
        np.concatenate(chromosomes), np.concatenate(positions), np.arange(count) + 1,
        pairs[:, 0], pairs[:, 1], np.ones(count, bool),
    )  # fmt: skip


def rows(sites: FoundVariants, order: npt.NDArray[np.int64]) -> FoundVariants:
    return FoundVariants(
        *(getattr(sites, name)[order] for name in ("chromosomes", "positions", "names")),
        *(getattr(sites, name)[order] for name in ("alleles_a", "alleles_b", "coding_known")),
    )


GROUPS = choose_groups(sites_of())


def haplotypes(people: int, seed: int, groups: Groups = GROUPS) -> Calls:
    """sites × 2 people, unlinked, at common frequencies."""
    frequency = np.random.default_rng(2).uniform(0.1, 0.5, len(groups.sites))
    generator = np.random.default_rng(seed)
    return (generator.random((len(groups.sites), 2 * people)) < frequency[:, None]).astype(np.int8)


def child(father: Calls, mother: Calls, seed: int, groups: Groups = GROUPS) -> Calls:
    """Haplotypes of a child, by crossings-over at one a hundred million bases."""
    generator = np.random.default_rng(seed)
    step = np.diff(groups.sites.positions, prepend=groups.sites.positions[0])
    new = np.diff(groups.sites.chromosomes, prepend=0) != 0
    chance = np.where(new, 0.5, (1 - np.exp(-2 * np.maximum(step, 0) * 1e-8)) / 2)
    sides = [np.cumsum(generator.random(len(step)) < chance) % 2 for _ in range(2)]
    at = np.arange(len(step))
    return np.stack([father[at, sides[0]], mother[at, sides[1]]], axis=1)


def people_of(of: Calls) -> Calls:
    return (of[:, 0::2] + of[:, 1::2]).astype(np.int8)


def spoiled(calls: Calls, seed: int, *, errors: float = 0.01, missing: float = 0.02) -> Calls:
    generator = np.random.default_rng(seed)
    wrong = generator.random(calls.shape) < errors
    out = np.where(wrong, (calls + generator.integers(1, 3, calls.shape)) % 3, calls)
    return np.where(generator.random(calls.shape) < missing, -1, out).astype(np.int8)


def some_sites(calls: Calls, share: float, seed: int = 4) -> Calls:
    """A find that has this share of the sites."""
    lost = np.random.default_rng(seed).random(len(calls)) >= share
    return np.where(lost[:, None], np.int8(-1), calls)


def compared(found: Calls, held: Calls, groups: Groups = GROUPS, key: bytes = KEY) -> Compared:
    return compare_tokens(tokens_of(found, groups, key), tokens_of(held, groups, KEY), groups)


@pytest.fixture(scope="module")
def cohort() -> Calls:
    return people_of(haplotypes(1_000, seed=5))


@pytest.mark.parametrize("size", [2, 3, 4])
def test_the_same_people_are_found_though_calls_differ_and_are_missing(size: int) -> None:
    groups = choose_groups(sites_of(), size)
    held = people_of(haplotypes(1_000, seed=5, groups=groups))
    answer = compared(spoiled(held[:, 100:400], seed=6), held, groups)
    assert answer.same.all()
    assert answer.partners.tolist() == list(range(100, 400))
    assert not answer.alike.any()


def test_strangers_are_never_the_same(cohort: Calls) -> None:
    """300,000 pairs, by a rule that errs once in 1,000 such comparisons at most."""
    answer = compared(spoiled(people_of(haplotypes(300, seed=7)), seed=8), cohort)
    assert not (answer.same | answer.same_or_kin | answer.too_few).any()
    assert answer.odds.max() < -100


def test_strangers_are_never_the_same_at_a_quarter_of_the_sites(cohort: Calls) -> None:
    for seed in range(5):
        find = some_sites(spoiled(people_of(haplotypes(300, seed=20 + seed)), seed), 0.25, seed)
        answer = compared(find, cohort)
        assert not (answer.same | answer.same_or_kin).any()


@pytest.mark.parametrize("share", [1.0, 0.5, 0.25])
def test_siblings_parents_and_children_are_not_the_same(share: float) -> None:
    of = haplotypes(1_000, seed=5)
    families = [(of[:, 4 * n : 4 * n + 2], of[:, 4 * n + 2 : 4 * n + 4]) for n in range(100)]
    first = np.concatenate([child(*one, seed=n) for n, one in enumerate(families)], axis=1)
    second = np.concatenate([child(*one, seed=500 + n) for n, one in enumerate(families)], axis=1)
    held = np.concatenate([people_of(of), people_of(first)], axis=1)
    answer = compared(some_sites(spoiled(people_of(second), seed=9), share), held)
    assert not answer.same.any()


def test_siblings_are_not_the_same_in_long_groups_of_bad_calls() -> None:
    """Of groups of six sites at 8 % errors fewer than half survive even in one person."""
    groups = choose_groups(sites_of(), 6)
    of = haplotypes(400, seed=5, groups=groups)
    families = [(of[:, 4 * n : 4 * n + 2], of[:, 4 * n + 2 : 4 * n + 4], n) for n in range(100)]
    first, second = (
        np.concatenate([child(father, mother, n + more, groups) for father, mother, n in families], axis=1)
        for more in (0, 500)
    )
    held = people_of(np.concatenate([of, first], axis=1))
    assert not compared(spoiled(people_of(second), seed=9, errors=0.08), held, groups).same.any()
    answer = compared(spoiled(held[:, :100], seed=9, errors=0.08), held, groups)
    assert answer.same.mean() > 0.9


def test_a_quarter_of_the_sites_is_enough_for_groups_of_two(cohort: Calls) -> None:
    answer = compared(some_sites(spoiled(cohort[:, :300], seed=10), 0.25), cohort)
    assert answer.same.mean() > 0.95
    assert (answer.partners[answer.same] == np.flatnonzero(answer.same)).all()


def test_a_tenth_of_the_sites_abstains_and_says_how_many_more_groups_would_do(cohort: Calls) -> None:
    answer = compared(some_sites(spoiled(cohort[:, :300], seed=10), 0.1), cohort)
    assert answer.too_few.all()
    assert not (answer.same | answer.same_or_kin).any()
    assert 0 < answer.groups_lacking < 60
    assert answer.groups_in_common.max() + answer.groups_lacking == answer.groups_needed


def test_what_is_lacking_would_do(cohort: Calls) -> None:
    """Just as many groups as it says are enough for most, and far fewer are not."""
    find = spoiled(cohort[:, :200], seed=10, missing=0)
    needed = compared(find, cohort).groups_needed
    for count, least, most in ((int(1.3 * needed), 0.8, 1.0), (needed - 1, 0.0, 0.0)):
        part = find.copy()
        kept = GROUPS.members[np.linspace(0, len(GROUPS) - 1, count).astype(int)].reshape(-1)
        part[np.setdiff1d(np.arange(len(part)), kept)] = -1
        assert least <= compared(part, cohort).same.mean() <= most


def test_one_chromosome_tells_nobody_from_a_sibling() -> None:
    """One in four siblings shares it nearly whole, so the people themselves are not called either."""
    sites = sites_of(5)
    groups = choose_groups(rows(sites, np.flatnonzero(sites.chromosomes == 8)))
    held = people_of(haplotypes(500, seed=5, groups=groups))
    answer = compared(held[:, :100], held, groups)
    assert not answer.same.any()
    assert answer.same_or_kin.any()


def test_twins_are_told_as_alike(cohort: Calls) -> None:
    held = np.concatenate([cohort, spoiled(cohort[:, :1], seed=3)], axis=1)
    answer = compared(cohort[:, :2], held)
    assert answer.same.all()
    assert answer.alike.tolist() == [True, False]


def test_people_of_one_origin_are_not_taken_for_each_other() -> None:
    """A small group with frequencies of its own among many others; its strangers stay strangers."""
    generator = np.random.default_rng(11)
    own = np.clip(np.random.default_rng(2).uniform(0.1, 0.5, len(GROUPS.sites)) * 0.25, 0.01, 1)
    few = (generator.random((len(GROUPS.sites), 160)) < own[:, None]).astype(np.int8)
    held = np.concatenate([people_of(haplotypes(1_000, seed=5)), people_of(few[:, :80])], axis=1)
    for share in (1.0, 0.25, 0.2):
        answer = compared(some_sites(people_of(few[:, 80:]), share), held)
        assert not (answer.same | answer.same_or_kin).any()


def test_another_key_matches_nobody(cohort: Calls) -> None:
    answer = compared(cohort[:, :50], cohort, key=OTHER_KEY)
    assert not (answer.same | answer.same_or_kin).any()
    one, other = tokens_of(cohort[:, :50], GROUPS, OTHER_KEY), tokens_of(cohort[:, :50], GROUPS, KEY)
    assert not (one[:, None] == other[None]).any()
    assert (one != MISSING).all()
    assert (other != MISSING).all()


def test_groups_follow_from_the_list_in_any_order_and_on_either_strand() -> None:
    sites = sites_of(2)
    shuffled = rows(sites, np.random.default_rng(3).permutation(len(sites)))
    strand = replace(shuffled, alleles_a=3 - shuffled.alleles_b, alleles_b=3 - shuffled.alleles_a)
    one, other = choose_groups(sites), choose_groups(strand)
    assert (one.sites.positions == other.sites.positions).all()
    assert (one.sites.alleles_b == other.sites.alleles_b).all()
    calls = np.ones((len(one.sites), 3), np.int8)
    assert (tokens_of(calls, one, KEY) == tokens_of(calls, other, KEY)).all()


def test_sites_of_a_group_lie_far_apart() -> None:
    for size in (2, 3, 8):
        groups = choose_groups(sites_of(), size)
        chromosomes = groups.sites.chromosomes[groups.members]
        assert len(groups) > 2_500 // size - 200
        assert (np.diff(np.sort(chromosomes, axis=1), axis=1) > 0).mean() > 0.99
        assert len(np.unique(groups.members)) == groups.members.size


def test_a_token_tells_nothing_of_the_same_genotypes_in_another_group() -> None:
    tokens = tokens_of(np.ones((len(GROUPS.sites), 1), np.int8), GROUPS, KEY)
    assert len(np.unique(tokens)) == len(GROUPS)
    assert (tokens >> np.uint64(63)).mean() == pytest.approx(0.5, abs=0.06)


def test_sites_that_are_doubled_contradict_themselves_or_cannot_be_used_are_left_out() -> None:
    sites = rows(sites_of(2), np.arange(40))
    doubled = rows(sites, np.repeat(np.arange(40), 3))
    assert (choose_groups(doubled).sites.positions == choose_groups(sites).sites.positions).all()
    at = choose_groups(sites).sites.positions[0]
    other = replace(sites, alleles_a=np.full(40, A, np.uint8), alleles_b=np.full(40, G, np.uint8))
    both = FoundVariants(
        *(
            np.concatenate([getattr(sites, name), getattr(other, name)])
            for name in ("chromosomes", "positions", "names", "alleles_a", "alleles_b", "coding_known")
        )
    )
    assert at not in choose_groups(both).sites.positions
    for spoilt in (
        replace(sites, alleles_a=np.full(40, A, np.uint8), alleles_b=np.full(40, T, np.uint8)),
        replace(sites, chromosomes=np.full(40, 23, np.uint8)),
        replace(sites, positions=np.zeros(40, np.int64)),
        replace(sites, alleles_b=np.full(40, 255, np.uint8)),
    ):
        assert len(choose_groups(spoilt)) == 0


@pytest.mark.parametrize("count", [0, 1, 2])
def test_lists_without_groups_say_nothing(count: int) -> None:
    groups = choose_groups(rows(sites_of(1), np.arange(count)))
    calls = np.zeros((len(groups.sites), 40), np.int8)
    answer = compared(calls, calls, groups)
    assert answer.too_few.all()
    assert not answer.same.any()


def test_no_people_and_few_people_say_nothing(cohort: Calls) -> None:
    nobody = np.zeros((len(GROUPS.sites), 0), np.int8)
    assert len(compared(nobody, cohort).same) == 0
    assert compared(cohort[:, :2], nobody).too_few.all()
    few: Tokens = tokens_of(cohort[:, :5], GROUPS, KEY)
    assert compare_tokens(few, few, GROUPS).too_few.all()


def test_people_without_a_call_and_calls_out_of_range_say_nothing(cohort: Calls) -> None:
    for value in (-1, 3, 127, -128):
        answer = compared(np.full((len(GROUPS.sites), 3), value, np.int8), cohort)
        assert answer.too_few.all()
        assert (answer.partners == -1).all()


def test_a_find_of_variants_without_the_reference_still_tells(cohort: Calls) -> None:
    """Files of one sample leave out what is as in the reference; what is left is compared."""
    strangers = people_of(haplotypes(200, seed=7))
    for calls, expected in ((cohort[:, :100], 100), (strangers, 0)):
        kept = spoiled(calls, seed=3)
        answer = compared(np.where(kept == 0, np.int8(-1), kept), cohort)
        assert (answer.same.sum(), answer.same_or_kin.sum()) == (expected, 0)


def test_tokens_that_everybody_has_leave_people_untold(cohort: Calls) -> None:
    """Only heterozygous calls: where all the found have one token, it says nothing of anybody."""
    answer = compared(np.where(cohort[:, :600] == 1, cohort[:, :600], np.int8(-1)), cohort)
    assert answer.too_few.all()


def test_tokens_that_are_all_alike_or_all_random_say_nothing(cohort: Calls) -> None:
    held = tokens_of(cohort, GROUPS, KEY)
    same = np.full((50, len(GROUPS)), 7, np.uint64)
    answer = compare_tokens(same, same, GROUPS)
    assert not (answer.same | answer.same_or_kin).any()
    noise = np.random.default_rng(1).integers(0, 2**64, (50, len(GROUPS)), dtype=np.uint64)
    assert not compare_tokens(noise, held, GROUPS).same.any()


def test_wrong_use_is_refused(cohort: Calls) -> None:
    with pytest.raises(ValueError, match="2 to 8"):
        choose_groups(sites_of(1), 9)
    with pytest.raises(ValueError, match="sites"):
        tokens_of(cohort[:5], GROUPS, KEY)
    with pytest.raises(ValueError, match="32 bytes"):
        tokens_of(cohort, GROUPS, b"short")
    with pytest.raises(ValueError, match="each group"):
        compare_tokens(np.ones((40, 3), np.uint64), np.ones((40, 3), np.uint64), GROUPS)
