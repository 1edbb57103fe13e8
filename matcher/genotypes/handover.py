"""Keyed tokens of genotypes, by which two organisations tell whether they hold the same people without showing them.

Both sides have the same list of sites and the same key. From the list follow groups of two (up to eight) sites that
lie on other chromosomes or far apart; a person's token of a group is SipHash-2-4, under the key, of the group's sites
and the person's unphased genotypes in the list's letters. Two sides then compare tokens group by group.

Decided by likelihoods over the groups that both people have: one person (tokens differ by errors only), kin, or
strangers (tokens are the same by the chance that the sets themselves show). Kin are taken to have one haplotype in
common everywhere and both over a binomial number of stretches, which bounds parents and siblings alike.

A group of two sites has nine states: whoever has the key reads genotypes out of tokens, and whoever has many tokens
and no key guesses the common ones by how often they occur. Tokens are genotypes under a thin cover, nothing more.
Next door: `token_files` (lists of sites, keys and tokens as files).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, comb, log

import numpy as np
import numpy.typing as npt

from matcher.genotypes.kinship import ERRORS
from matcher.genotypes.nearest_tokens import most_alike
from matcher.genotypes.sites import FoundVariants
from matcher.genotypes.variants import place_number
from matcher.prf import siphash24_words, subkey

Tokens = npt.NDArray[np.uint64]
Numbers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

GROUP_SIZES = range(2, 9)
APART = 1_000_000
"""Bases between sites of one chromosome; linkage rarely reaches so far."""
STRETCH = 50_000_000
"""Bases that siblings share or do not share as one; more of them would make siblings too alike each other."""
MOST_STRETCHES = 40
FALSE_CALL = 1e-3
"""The chance that any two of all people compared are called one person though they are strangers."""
KIN_ODDS = log(1_000)
FEWEST_GROUPS = 24
MOST_GROUPS_TOLD = 4_096
LEAST_PEOPLE = 30
"""People of one set from whom the commonness of tokens is learnt; with fewer in both sets nothing is said."""
USUAL_ERROR = 0.01
MISSING = np.uint64(0)
_CODES = np.array([3, 2, 1, 0], np.uint8)


@dataclass(frozen=True, slots=True)
class Groups:
    """Groups of sites. Calls of them count allele b, and allele a is always A (on whichever strand has it)."""

    sites: FoundVariants
    members: Numbers
    """groups × size: places in `sites`."""

    def __len__(self) -> int:
        return len(self.members)

    @property
    def size(self) -> int:
        return int(self.members.shape[1])


@dataclass(frozen=True, slots=True)
class Compared:
    """What each person of the first set is to the second; one entry a person."""

    partners: Numbers
    """The person of the second set who fits best; -1 where nobody does."""
    same: Flags
    same_or_kin: Flags
    """No stranger, and too little to tell the person from a parent, child or sibling."""
    alike: Flags
    """Called the same, and another person of the second set would be too: twins, or one person held twice."""
    too_few: Flags
    """Fewer groups in common with the best partner than a decision needs: neither same nor not."""
    groups_in_common: Numbers
    groups_needed: int
    """How many groups a decision needs, with this many people and tokens as common as these."""
    odds: Floats
    """Natural log odds against strangers, over the number of pairs compared."""
    odds_over_kin: Floats

    @property
    def groups_lacking(self) -> int:
        """How many more groups would do for the person who has the most of those with too few; 0 where nobody has."""
        least = self.groups_needed - self.groups_in_common[self.too_few]
        return int(max(1, least.min())) if len(least) else 0


def choose_groups(sites: FoundVariants, size: int = 2) -> Groups:
    """Groups of `size` sites out of a list, the same for the same list in any order and on either strand.

    Autosomal SNPs whose strand can be told, each place once (left out where the list contradicts itself), APART
    bases from the one before; a group takes sites of evenly spaced parts of the genome.

    Raises:
        ValueError: the size is not 2 … 8.
    """
    if size not in GROUP_SIZES:
        raise ValueError(f"a group has 2 to 8 sites, not {size}")
    kept = _spread(_told_apart(sites))
    count = len(kept) // size
    members = np.arange(count * size, dtype=np.int64).reshape(size, count).T
    return Groups(_taken(kept, np.arange(count * size)), np.ascontiguousarray(members))


def tokens_of(calls: npt.NDArray[np.int8], groups: Groups, key: bytes) -> Tokens:
    """The tokens (people × groups) of calls (sites of `groups` × people); MISSING where a call of the group is.

    Raises:
        ValueError: the calls are of another number of sites, or the key has not 32 bytes.
    """
    if len(calls) != len(groups.sites):
        raise ValueError(f"calls of {len(calls)} sites, groups of {len(groups.sites)}")
    if len(key) != 32:
        raise ValueError(f"a key has 32 bytes, this one {len(key)}")
    out = np.zeros((calls.shape[1], len(groups)), np.uint64)
    states = 3**groups.size
    secret = subkey(key, "genotype hand-over")
    for number, (members, words) in enumerate(zip(groups.members, words_of(groups), strict=True)):
        of_states = siphash24_words(secret, _messages(words, states))
        of_states[of_states == MISSING] = 1
        theirs = calls[members].astype(np.int64)
        complete = ((theirs >= 0) & (theirs <= 2)).all(axis=0)
        state = (np.where(complete, theirs, 0) * 3 ** np.arange(groups.size)[:, None]).sum(axis=0)
        out[:, number] = np.where(complete, of_states[state], MISSING)
    return out


def compare_tokens(one: Tokens, other: Tokens, groups: Groups) -> Compared:
    """Which people of `one` are people of `other`, both people × groups.

    Raises:
        ValueError: tokens of another number of groups.
    """
    if one.shape[1] != len(groups) or other.shape[1] != len(groups):
        raise ValueError("both sets must have one token for each group")
    pairs = max(1, len(one) * len(other))
    if not len(one) or not len(other) or not len(groups) or max(len(one), len(other)) < LEAST_PEOPLE:
        return _nothing(len(one), FEWEST_GROUPS)
    chances = chances_of(one, other)
    needed = groups_needed(chances, groups, pairs)
    partners, seconds = most_alike(one, other, chances, _mismatch(USUAL_ERROR, groups.size))
    bar = _bar(pairs)
    odds, over_kin, common = _odds(one, other, partners, chances, groups)
    rival, rival_over_kin, _ = _odds(one, other, seconds, chances, groups)
    enough = common >= needed
    passes = enough & (odds > bar) & (over_kin > 0)
    same = passes & (over_kin > KIN_ODDS)
    return Compared(
        partners=np.where(passes, partners, -1),
        same=same,
        same_or_kin=passes & ~same,
        alike=same & (rival > bar) & (rival_over_kin > KIN_ODDS),
        too_few=~enough,
        groups_in_common=common,
        groups_needed=needed,
        odds=odds - log(pairs),
        odds_over_kin=over_kin,
    )


def chances_of(one: Tokens, other: Tokens) -> Floats:
    """For each group the chance that two strangers share the token: the highest that the sets show.

    Between the sets (where the same people are counted too, which errs on the side of silence) and among the
    people of each set that is large enough: people of one origin are more alike than the two sets are.
    """
    out = np.empty(one.shape[1])
    for group in range(one.shape[1]):
        values, mine, theirs = _counted(one[:, group], other[:, group])
        between = _share(float((mine * theirs).sum()), float(mine.sum() * theirs.sum()))
        within = [
            _share(float((count * (count - 1)).sum()), float(count.sum() * (count.sum() - 1)))
            for count in (mine, theirs)
            if count.sum() >= LEAST_PEOPLE
        ]
        # Where few people have the group, how common its tokens are is not known: it says nothing.
        out[group] = max(between, *within) if within and len(values) else 1.0
    return np.clip(out, 1e-4, 1 - 1e-4)


def groups_needed(chances: Floats, groups: Groups, pairs: int) -> int:
    """How many groups of usual commonness two records of one person must have in common to be called so.

    Counted for records that differ at USUAL_ERROR of their calls; at least FEWEST_GROUPS. Where no number of groups
    of this list would tell a person from a sibling (it covers too little of the genome), only strangers count.
    """
    chance, stretches = float(np.median(chances)), _stretches_of(groups)
    for kin_too in (True, False):
        low, high = FEWEST_GROUPS, MOST_GROUPS_TOLD
        while low < high:
            count = (low + high) // 2
            shares = np.arange(count) >= ceil(count * _mismatch(USUAL_ERROR, groups.size))
            weights = _sharing(min(stretches, count * groups.size))
            odds, over_kin = _odds_of_one(shares, np.full(count, chance), groups.size, weights)
            if odds > _bar(pairs) and (over_kin > KIN_ODDS or not kin_too):
                high = count
            else:
                low = count + 1
        if low < MOST_GROUPS_TOLD:
            break
    return low


def _bar(pairs: int) -> float:
    """Natural log odds against strangers over which a pair of so many is no pair of strangers."""
    return log(pairs) - log(FALSE_CALL)


def _told_apart(sites: FoundVariants) -> FoundVariants:
    """The usable sites in order along the genome, in canonical letters, each place once."""
    a, b = sites.alleles_a, sites.alleles_b
    letters = (a < 4) & (b < 4) & (a != b)
    usable = letters & (a + b != 3) & (sites.chromosomes >= 1) & (sites.chromosomes <= 22)
    rows = np.flatnonzero(usable & (sites.positions > 0) & sites.coding_known)
    one, other = np.minimum(a[rows], b[rows]), np.maximum(a[rows], b[rows])
    # C/T is A/G on the other strand, and G/T is A/C: with A in front every pair has one name.
    flipped = one != 0
    second = np.where(flipped, _CODES[np.minimum(one, 3)], other)
    places = place_number(sites.chromosomes[rows], sites.positions[rows])
    unique, first, inverse = np.unique(places, return_index=True, return_inverse=True)
    low, high = np.full(len(unique), 255), np.zeros(len(unique), np.int64)
    np.minimum.at(low, inverse, second)
    np.maximum.at(high, inverse, second)
    first = first[low == high]
    kept = _taken(sites, rows[first])
    return FoundVariants(
        kept.chromosomes,
        kept.positions,
        kept.names,
        np.zeros(len(first), np.uint8),
        second[first].astype(np.uint8),
        kept.coding_known,
    )


def _spread(sites: FoundVariants) -> FoundVariants:
    """Sites in order along the genome, each APART from the one before."""
    chosen: list[int] = []
    last = (0, 0)
    for row, place in enumerate(zip(sites.chromosomes.tolist(), sites.positions.tolist(), strict=True)):
        if place[0] != last[0] or place[1] - last[1] >= APART:
            chosen.append(row)
            last = place
    return _taken(sites, np.array(chosen, np.int64))


def _taken(sites: FoundVariants, rows: Numbers) -> FoundVariants:
    return FoundVariants(
        sites.chromosomes[rows],
        sites.positions[rows],
        sites.names[rows],
        sites.alleles_a[rows],
        sites.alleles_b[rows],
        sites.coding_known[rows],
    )


def words_of(groups: Groups) -> Tokens:
    """Every group's sites (groups × size), one number each: chromosome, position and the letter beside A."""
    places = place_number(groups.sites.chromosomes, groups.sites.positions)
    return ((places << 2) | groups.sites.alleles_b)[groups.members].astype(np.uint64)


def _messages(words: Tokens, states: int) -> Tokens:
    """One row of words a state: the group's sites with their letters, then the genotypes in base 3."""
    messages = np.empty((states, len(words) + 1), np.uint64)
    messages[:, :-1] = words
    messages[:, -1] = np.arange(states)
    return messages


def _counted(one: Tokens, other: Tokens) -> tuple[Tokens, Numbers, Numbers]:
    """The distinct tokens of a group and how many of each set have them."""
    one, other = one[one != MISSING], other[other != MISSING]
    values, inverse = np.unique(np.concatenate([one, other]), return_inverse=True)
    mine = np.bincount(inverse[: len(one)], minlength=len(values))
    return values, mine, np.bincount(inverse[len(one) :], minlength=len(values))


def _share(part: float, whole: float) -> float:
    return part / whole if whole else 0.0


def _mismatch(error: float, size: int) -> float:
    """The chance that two records of one person differ at a group, where one record errs at `error` of its calls."""
    return float(1 - (1 - error) ** size)


def _stretches_of(groups: Groups, has: Flags | None = None) -> int:
    """How many stretches of the genome the sites of these groups touch."""
    members = (groups.members if has is None else groups.members[has]).reshape(-1)
    chromosomes = groups.sites.chromosomes[members].astype(np.int64)
    return len(np.unique(chromosomes * 1_000 + groups.sites.positions[members] // STRETCH))


def _sharing(stretches: int) -> Floats:
    """Chances that siblings have both haplotypes in common over 0, 1, … of that many stretches."""
    count = max(1, min(MOST_STRETCHES, stretches))
    return np.array([comb(count, both) * 0.25**both * 0.75 ** (count - both) for both in range(count + 1)])


def _odds(
    one: Tokens, other: Tokens, partners: Numbers, chances: Floats, groups: Groups
) -> tuple[Floats, Floats, Numbers]:
    """For each person with the partner: log odds of one person against strangers, and against kin; groups in common."""
    against, over_kin = np.full(len(one), -np.inf), np.full(len(one), -np.inf)
    common = np.zeros(len(one), np.int64)
    for person, partner in enumerate(partners.tolist()):
        if partner < 0:
            continue
        mine, theirs = one[person], other[partner]
        has = (mine != MISSING) & (theirs != MISSING)
        common[person] = int(has.sum())
        shares = mine[has] == theirs[has]
        against[person], _ = _odds_of_one(shares, chances[has], groups.size, None)
        if against[person] > 0:  # strangers are not weighed against kin
            weights = _sharing(_stretches_of(groups, has))
            _, over_kin[person] = _odds_of_one(shares, chances[has], groups.size, weights)
    return against, over_kin, common


def _odds_of_one(shares: Flags, chances: Floats, size: int, weights: Floats | None) -> tuple[float, float]:
    """The same for one pair, from which tokens it shares; against kin only with `weights` of `_sharing`."""
    # Of two haplotypes in common one leaves at most the square root of the chance at a site.
    half = np.sqrt(chances ** (1 / size))
    against, same, relatives = [], [], []
    for error in ERRORS:
        fails = _mismatch(error, size)
        one_person = float(np.log(np.where(shares, 1 - fails, fails)).sum())
        # Strangers err as well: where all share a token, neither having it nor lacking it says anything.
        strangers = np.minimum(chances, 1 - fails)
        against.append(one_person - float(np.log(np.where(shares, strangers, 1 - strangers)).sum()))
        if weights is None:
            continue
        both = np.arange(len(weights))[:, None] / (len(weights) - 1)
        alike = (1 - fails) * (both + (1 - both) * half) ** size
        each = np.log(np.where(shares, alike, 1 - alike)).sum(axis=1) + np.log(weights)
        same.append(one_person)
        relatives.append(float(np.logaddexp.reduce(each)))
    over_kin = float(np.logaddexp.reduce(same) - np.logaddexp.reduce(relatives)) if relatives else -np.inf
    return float(np.logaddexp.reduce(against)) - log(len(ERRORS)), over_kin


def _nothing(people: int, needed: int) -> Compared:
    """Nothing is said of anybody."""
    no, nobody = np.zeros(people, np.bool_), np.full(people, -1, np.int64)
    none = np.full(people, -np.inf)
    return Compared(nobody, no, no, no, ~no, np.zeros(people, np.int64), needed, none, none)
