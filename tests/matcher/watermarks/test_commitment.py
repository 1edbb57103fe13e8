"""The commitment: signed before release, opened leaf by leaf, verified by the standard library alone."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from matcher.watermarks import verify_commitment
from matcher.watermarks.codes import rates
from matcher.watermarks.commitment import manifest_digest, open_leaf, sign_manifest
from matcher.watermarks.odds import Units
from matcher.watermarks.report import examined, line_up, report, without_one
from matcher.watermarks.units import draws, recipient_key
from tests.matcher.watermarks.made import MASTER

SIGNED = sign_manifest(MASTER, "r1", "Institute A", {"files": [{"name": "x.vcf", "sha256": "00"}]})
RATE = rates(0.005, 0.003)
KEY = recipient_key(MASTER, "Institute A", "genotypes")


def found_units(key: np.ndarray, count: int = 4_000) -> Units:
    rng = np.random.default_rng(8)
    first, second = rng.integers(0, 2**63, (2, count)).astype(np.uint64)
    layer = np.where(rng.random(count) < 0.2, rng.integers(1, 4, count), 0)
    bits = draws(key, first, second) < RATE.thresholds[layer]
    return Units(first, second, layer.astype(np.int64), (bits ^ (rng.random(count) < 0.01)).astype(np.int64))


def verifier(folder: Path, *given: dict[str, Any]) -> subprocess.CompletedProcess[str]:
    names = []
    for i, one in enumerate(given):
        (folder / f"{i}.json").write_text(json.dumps(one))
        names.append(str(folder / f"{i}.json"))
    # -I: no site packages of this project, no environment
    script = str(Path(verify_commitment.__file__))
    return subprocess.run([sys.executable, "-I", "-S", script, *names], capture_output=True, text=True)


@pytest.mark.parametrize(("levels", "count"), [((), 4_000), ((10.0, 7.0), 4_000), ((10.0, 7.0), 1_000)])
def test_the_independent_verifier_confirms_manifest_key_and_e_value(
    tmp_path: Path, levels: tuple[float, ...], count: int
) -> None:
    told = report(found_units(KEY, count), KEY, RATE.thresholds, 0.01, "Institute A", levels)
    answer = verifier(tmp_path, SIGNED, open_leaf(MASTER, "r1", "Institute A", "recipient/genotypes"), told)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert answer.stdout.count("holds: ") == 4
    assert told["log10_e"] > 10
    assert "leaked" not in json.dumps(told)


@pytest.mark.parametrize(
    "name", ["recipient/genotypes", "recipient/digits", "ids", "cohort/genotypes", "cohort/digits"]
)
def test_every_leaf_opens_and_no_other_key_passes_for_it(name: str) -> None:
    opening = open_leaf(MASTER, "r1", "Institute A", name)
    assert verify_commitment.opening_holds(SIGNED, opening)
    assert not verify_commitment.opening_holds(SIGNED, {**opening, "key": "00" * 16})
    assert not verify_commitment.opening_holds(SIGNED, {**opening, "salt": "00" * 32})
    assert not verify_commitment.opening_holds(SIGNED, open_leaf(MASTER, "r2", "Institute A", name))


def test_one_changed_byte_of_the_manifest_is_seen(tmp_path: Path) -> None:
    changed = json.loads(json.dumps(SIGNED))
    changed["manifest"]["recipient"] = "Institute B"
    answer = verifier(tmp_path, changed)
    assert answer.returncode == 1
    assert "DOES NOT HOLD" in answer.stdout
    assert manifest_digest(changed) != manifest_digest(SIGNED)


def test_a_claimed_e_value_that_is_not_so_is_seen(tmp_path: Path) -> None:
    told = report(found_units(KEY), KEY, RATE.thresholds, 0.01, "Institute A")
    opening = open_leaf(MASTER, "r1", "Institute A", "recipient/genotypes")
    assert verifier(tmp_path, SIGNED, opening, {**told, "log10_e": told["log10_e"] + 1}).returncode == 1
    assert verifier(tmp_path).returncode == 2


def test_the_verifiers_own_siphash_agrees_with_the_published_vector() -> None:
    assert verify_commitment.siphash24(bytes(range(16)), bytes(range(15))) == 0xA129CA6149BE45E5


def test_the_blinded_line_up_finds_the_suspect_among_a_thousand_decoys() -> None:
    units = found_units(KEY)
    rows = line_up(KEY)
    order, odds = examined(units, rows.keys, RATE.thresholds, 0.01)
    assert order[0] == rows.suspect_at
    assert np.delete(odds, rows.suspect_at).max() < 4
    innocent = line_up(recipient_key(MASTER, "Institute B", "genotypes"))
    assert examined(units, innocent.keys, RATE.thresholds, 0.01)[1].max() < 4


def test_what_remains_without_a_class_is_told() -> None:
    assert without_one({"genotypes": 8.0, "digits": 3.0}) == {"genotypes": 3.0, "digits": 8.0}
