"""The search over stretches of the cohort, here and on a Dask cluster, answers as the search over all at once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from distributed import Client, LocalCluster

from matcher.errors import NoCluster
from matcher.genotypes import identity, partitions
from matcher.genotypes.enrol import enrol
from matcher.genotypes.planes import Planes, from_calls, from_packed, packed
from matcher.genotypes.search import merged, nearest
from matcher.genotypes.store import open_store, withdraw
from matcher.reading import read_path
from matcher.sketches import Evidence
from tests.matcher.genotypes.people import KEYS, enrolled, people, run, sibling, write_vcf

MEMBERS = 400
NAMES = [f"P{number:04}" for number in range(MEMBERS)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cohort that was enrolled by copying and in place, and finds of members, kin and strangers."""
    folder = tmp_path_factory.mktemp("files")
    of = people(MEMBERS + 30)
    vcf = write_vcf(folder / "c.vcf", of, of.dosages[:, :MEMBERS], NAMES)
    run("plink2", "--vcf", vcf, "--make-pgen", "--out", folder / "c")
    run("plink2", "--vcf", vcf, "--make-bed", "--out", folder / "c")
    enrol(folder / "copied", [vcf], KEYS)
    enrol(folder / "bed", [folder / "c.bed"], KEYS, in_place=True)
    enrol(folder / "pgen", [folder / "c.pgen"], KEYS, in_place=True)
    kin = np.stack([sibling(of, 2 * n, 2 * n + 1, seed=n) for n in range(20)], axis=1)
    for name, calls in (
        ("members", of.dosages[:, 30:390:7]),
        ("kin", kin),
        ("mixed", np.concatenate([of.dosages[:, 60:70], of.dosages[:, MEMBERS:], kin], axis=1)),
    ):
        write_vcf(folder / f"{name}.vcf", of, calls, [f"X{n}" for n in range(calls.shape[1])])
    return folder


def answers(folder: Path) -> list[list[Evidence]]:
    out = []
    for index in ("copied", "bed", "pgen"):
        for find in ("members", "kin", "mixed"):
            sketch = identity.sketch(KEYS)
            for event in read_path(folder / f"{find}.vcf"):
                sketch.add(event)
            out.append(identity.compare(sketch, enrolled(folder / index, MEMBERS), KEYS))
    return out


@pytest.mark.parametrize("step", [64, 128, 320])
def test_answers_do_not_depend_on_the_stretches(
    step: int, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = answers(folder)
    assert [one[0].relation for one in whole[:2]] == ["same", "relative"]
    monkeypatch.setattr(partitions, "PEOPLE", step)
    assert len(partitions.stretches(MEMBERS)) > 1
    assert answers(folder) == whole


def test_people_at_the_same_distance_come_in_the_same_order() -> None:
    rng = np.random.default_rng(5)
    calls = rng.integers(-1, 3, (70, 1000)).astype(np.int8)
    calls[:, 500:] = calls[:, :500]  # everybody is there twice
    found = from_calls(calls[:, rng.integers(0, 1000, 50)])
    whole = nearest(found, from_calls(calls))
    best = partitions._nobody(50)
    for people_ in partitions.stretches(1000, 192):
        rows = packed(np.ascontiguousarray(calls[:, people_.start : people_.stop]))
        best = merged(best, nearest(found, from_packed(rows, len(people_))), people_.start)
    assert (whole[0] == best[0]).all()
    assert (whole[1] == best[1]).all()


def test_planes_of_a_stretch_are_bounded(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    largest = []

    def seen(found: Planes, cohort: Planes, **how: bool) -> partitions.Nearest:
        largest.append(cohort.people_count)
        return nearest(found, cohort, **how)

    monkeypatch.setattr(partitions, "nearest", seen)
    monkeypatch.setattr(partitions, "PEOPLE", 128)
    answers(folder)
    assert set(largest) == {128, MEMBERS % 128}


@pytest.fixture(scope="module")
def cluster() -> Iterator[str]:
    """A scheduler and two workers in processes of their own, on loopback."""
    with LocalCluster(
        n_workers=2, threads_per_worker=2, processes=True, host="127.0.0.1", dashboard_address=None
    ) as one:
        yield one.scheduler_address
        partitions._client.cache_clear()


def test_a_cluster_answers_as_this_machine(
    folder: Path, cluster: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = answers(folder)
    monkeypatch.setattr(partitions, "PEOPLE", 64)
    monkeypatch.setenv(partitions.SCHEDULER, cluster)
    assert answers(folder) == whole
    with Client(cluster, set_as_default=False) as client:
        run_where = client.run(lambda: "matcher.genotypes.partitions" in __import__("sys").modules)
    assert list(run_where.values()) == [True, True], "a worker did nothing"


def test_those_who_withdrew_are_nobody_s_nearest_on_a_cluster(
    folder: Path, cluster: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    enrol(tmp_path, [folder / "c.vcf"], KEYS)
    withdraw(tmp_path, NAMES[:200], KEYS.genotypes)
    monkeypatch.setattr(partitions, "PEOPLE", 64)
    monkeypatch.setenv(partitions.SCHEDULER, cluster)
    store = open_store(tmp_path, KEYS.genotypes)
    assert store is not None
    sites = np.arange(0, len(store.positions), 9)
    calls = store.rows(sites)[:, ::10].copy()
    places, _ = partitions.nearest_in_store(calls, store, sites, coding_known=True, kin=False)
    assert (places[20:, 0] == np.arange(200, 400, 10)).all()
    assert (places >= 200).all()


def test_a_cluster_that_is_not_there_is_told(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(partitions, "PEOPLE", 64)
    monkeypatch.setattr(partitions, "_SECONDS", 1)
    monkeypatch.setenv(partitions.SCHEDULER, "tcp://127.0.0.1:9")
    with pytest.raises(NoCluster, match="unset DASK_SCHEDULER_ADDRESS"):
        answers(folder)


def test_the_same_find_may_be_searched_for_again_and_again(
    folder: Path, cluster: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The cluster forgets a find's calls when it is told to, which may be while equal ones are on their way."""
    store = open_store(folder / "copied", KEYS.genotypes)
    assert store is not None
    sites = np.arange(128)
    calls = store.rows(sites)[:, :300]
    alone = partitions.nearest_in_store(calls, store, sites, coding_known=True, kin=False)
    monkeypatch.setattr(partitions, "PEOPLE", 64)
    monkeypatch.setenv(partitions.SCHEDULER, cluster)
    for _ in range(20):
        there = partitions.nearest_in_store(calls, store, sites, coding_known=True, kin=False)
        assert all(np.array_equal(a, b) for a, b in zip(alone, there, strict=True))
