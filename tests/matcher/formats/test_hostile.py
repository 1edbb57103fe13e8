"""Every reader against broken and hostile files: real files of each format, mutated by seed, read in the limited child.

`COHORTWATCH_FUZZ_SECONDS=600 pytest tests/matcher/formats/test_hostile.py` goes on for so long a format.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import tarfile
import time
import zipfile
from pathlib import Path

import fastavro
import h5py
import numpy as np
import pandas as pd
import polars as pl
import pyreadstat
import pytest
from pyarrow import orc

from matcher.contents import FileEnded, Limits
from matcher.reading import read_path
from tests.matcher.formats.made import run, truth, write_vcf
from tests.matcher.formats.tables_made import rows, write_csv
from tests.matcher.formats.test_spreadsheet import cells_of, workbook
from tests.matcher.formats.test_text_tables import GRIDS, by_hand
from tests.matcher.formats.test_yaml_records import in_yaml

SECONDS = float(os.environ.get("COHORTWATCH_FUZZ_SECONDS", "0"))
MUTANTS = 12
SKIPPED = {None, "too-large", "encrypted", "damaged", "unsupported", "bomb", "timeout"}
BESIDE = {
    "x.bed": ("x.bim", "x.fam"),
    "x.pgen": ("x.pvar", "x.psam"),
    "x.ped": ("x.map",),
    "x.bgen": ("x.sample",),
    "x.geno": ("x.snp", "x.ind"),
}
FORMATS = (
    "x.vcf", "x.bcf", "x.bed", "x.pgen", "x.ped", "x.raw", "x.traw", "x.bgen", "x.geno", "someone.txt", "x.csv",
    "x.parquet", "x.arrow", "x.orc", "x.xlsx", "x.dta", "x.sav", "x.xport", "x.rds", "x.avro", "x.npy", "x.h5", "x.db",
    "x.sql", "x.json", "x.ndjson", "x.pkl", "x.html", "x.xml", "x.zip", "x.tar.gz", "x.ipynb",
    "x.md", "x.rst", "x.yaml",
)  # fmt: skip


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One sound file of every format."""
    folder = tmp_path_factory.mktemp("sound")
    write_genotypes(folder)
    write_tables(folder)
    return folder


def write_genotypes(folder: Path) -> None:
    """A file of genotypes of every format, `x` and an ending."""
    vcf = write_vcf(folder / "x.vcf", truth())
    run("bcftools", "view", "-Ou", "-o", folder / "x.bcf", vcf)
    run("plink2", "--vcf", vcf, "--make-pgen", "--out", folder / "x")
    run("plink2", "--vcf", vcf, "--make-bed", "--out", folder / "x")
    run("plink1.9", "--bfile", folder / "x", "--recode", "--out", folder / "x")
    for form in ("A", "Av", "bgen-1.2"):
        run("plink2", "--pfile", folder / "x", "--export", form, "--out", folder / "x")
    of = truth()
    (folder / "x.geno").write_text(
        "\n".join("".join(str(c % 10) for c in row) for row in of.dosages.tolist()) + "\n"
    )
    (folder / "x.ind").write_text("".join(f"S{n} U C\n" for n in range(of.dosages.shape[1])))
    (folder / "x.snp").write_text("".join(f"{name} 1 0 {n + 1} A C\n" for n, name in enumerate(of.names)))
    lines = [f"{name}\t1\t{1000 + n}\tAC" for n, name in enumerate(of.names)]
    (folder / "someone.txt").write_text("# rsid\tchromosome\tposition\tgenotype\n" + "\n".join(lines) + "\n")


def write_tables(folder: Path) -> None:
    """The same of tables."""
    frame = pl.read_csv(write_csv(folder / "x.csv"))
    frame.write_parquet(folder / "x.parquet")
    frame.write_ipc(folder / "x.arrow")
    plain = pd.read_csv(folder / "x.csv")
    plain.to_feather(folder / "p.feather")
    import pyarrow as pa

    orc.write_table(pa.Table.from_pandas(plain), str(folder / "x.orc"))
    workbook(folder / "x.xlsx", cells_of(rows()))
    for form in ("dta", "sav", "xport"):
        getattr(pyreadstat, f"write_{form}")(frame, str(folder / f"x.{form}"))
    program = f'saveRDS(read.csv("{folder}/x.csv"), "{folder}/x.rds", compress=FALSE)'
    subprocess.run(["Rscript", "-e", program], check=True, capture_output=True)
    fields = [{"name": name, "type": "string"} for name in plain.columns]
    with (folder / "x.avro").open("wb") as file:
        fastavro.writer(
            file, {"type": "record", "name": "p", "fields": fields}, plain.astype(str).to_dict("records")
        )
    np.save(folder / "x.npy", plain.iloc[:, :3].to_numpy())
    with h5py.File(folder / "x.h5", "w") as h5:
        h5["a/b"] = plain.iloc[:, :3].to_numpy()
    base = sqlite3.connect(folder / "x.db")
    plain.to_sql("p", base, index=False)
    (folder / "x.sql").write_text("\n".join(base.iterdump()))
    base.close()
    plain.to_json(folder / "x.json", orient="records")
    plain.to_json(folder / "x.ndjson", orient="records", lines=True)
    plain.to_pickle(folder / "x.pkl")
    (folder / "x.html").write_text(f"<html><body>{plain.to_html()}</body></html>")
    (folder / "x.md").write_text(f"# Title\n\n{by_hand('bare')}\nand\n\n{by_hand('quoted')}")
    (folder / "x.rst").write_text(f"{GRIDS['polars']}\nand\n\n{GRIDS['simple']}")
    (folder / "x.yaml").write_text(in_yaml("block"))
    (folder / "x.xml").write_text(
        '<?xml version="1.0"?><r>'
        + "".join(f'<p eid="{row[0]}"><v>{row[2]}</v></p>' for row in rows())
        + "</r>"
    )
    with zipfile.ZipFile(folder / "x.zip", "w") as archive:
        archive.write(folder / "x.csv", "x.csv")
    with tarfile.open(folder / "x.tar.gz", "w:gz") as tar:
        tar.add(folder / "x.csv", "x.csv")
    (folder / "x.ipynb").write_text('{"cells": [{"cell_type": "code", "source": ["a = 1"], "outputs": []}]}')


def mutant(data: bytes, rng: np.random.Generator) -> bytes:
    """A file with a few bytes flipped, a piece cut out, doubled, zeroed or filled, or its end missing."""
    out = bytearray(data)
    for _ in range(int(rng.integers(1, 6))):
        at = int(rng.integers(len(out))) if out else 0
        length = int(rng.choice([1, 2, 4, 8, 64, 1000]))
        match int(rng.integers(6)):
            case 0:
                out[at : at + length] = rng.bytes(min(length, len(out) - at))
            case 1:
                del out[at : at + length]
            case 2:
                out[at:at] = out[at : at + length] * int(rng.integers(1, 20))
            case 3:
                out[at : at + length] = bytes(min(length, len(out) - at))
            case 4:
                out[at : at + length] = b"\xff" * min(length, len(out) - at)
            case _:
                # Headers are where a reader believes most.
                head = int(rng.integers(min(64, len(out)))) if out else 0
                out[head : head + 4] = rng.bytes(4)
    if out and rng.random() < 0.2:
        del out[int(rng.integers(1, len(out) + 1)) :]
    return bytes(out)


@pytest.mark.parametrize("name", FORMATS)
def test_no_mutant_of_a_file_brings_the_parent_down(name: str, sound: Path, tmp_path: Path) -> None:
    for other in BESIDE.get(name, ()):
        if (sound / other).exists():
            shutil.copy(sound / other, tmp_path / other)
    data = (sound / name).read_bytes()
    rng = np.random.default_rng(len(data))
    until, number = time.monotonic() + SECONDS, 0
    while number < MUTANTS or time.monotonic() < until:
        (tmp_path / name).write_bytes(mutant(data, rng))
        ends = [one for one in read_path(tmp_path / name, Limits(seconds=10)) if isinstance(one, FileEnded)]
        assert ends, f"nothing is said of mutant {number}"
        assert all(one.skipped in SKIPPED for one in ends)
        number += 1


@pytest.mark.parametrize("name", FORMATS)
def test_the_sound_file_is_read_to_its_end(name: str, sound: Path) -> None:
    ends = [one for one in read_path(sound / name) if isinstance(one, FileEnded)]
    assert [one.skipped for one in ends] == [None]
