"""A leak names the copy it was made from in every form in which people publish it, and never another recipient's.

The forms are those of `disguises` and what plink, bcftools, R and pandas write of marked copies made as the command
line makes them. The twins: the source without marks, a copy without marks, another cohort, rows of two copies.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from config.database import reading
from config.marking import explain_find, mark_and_register
from config.workspace import Workspace, make_workspace
from matcher.enrol import add_cohort, add_release
from matcher.examine import Examiner
from matcher.library import read_library
from matcher.watermarks import found
from tests.matcher.disguises import FORMS
from tests.matcher.formats.made import run
from tests.matcher.tables.made import draw_ids, draw_people, write_csv
from tests.matcher.test_disguises import FIELDS
from tests.matcher.watermarks.files import write_vcf
from tests.matcher.watermarks.made import genotypes

PEOPLE = 2_000
MARKED = "abc"
LOST_DIGITS = {"thousands", "four digits"}
"""Forms that round what marks are in: the release may be named or not."""


@dataclass(frozen=True)
class Trial:
    """A cohort, its copies in `folder`, and who asks."""

    workspace: Workspace
    examiner: Examiner
    folder: Path

    def copy(self, of: str) -> pl.DataFrame:
        """A copy's rows as text cells: `source`, `other`, a marked release or `plain`."""
        frame = pl.read_csv(self.folder / of / "p.csv", infer_schema=False)
        return frame.with_columns(pl.all().fill_null(""))

    def leak(self, of: str, rows: int = 60, seed: int = 4, *, ids: bool = False) -> pl.DataFrame:
        return self.copy(of).sample(rows, seed=seed).select(["eid"] * ids + FIELDS)

    def named(self, data: bytes) -> dict[str, str]:
        return releases_in(self.examiner.content("x", data))


def releases_in(answers: Iterable[dict[str, Any]]) -> dict[str, str]:
    """The releases that are named, with the highest standing of each."""
    named: dict[str, str] = {}
    for one in (match for answer in answers for match in answer["matches"] if match["release"]):
        if named.get(one["release"]) != "accuse":
            named[one["release"]] = one["standing"]
    return named


def examiner_of(workspace: Workspace) -> Examiner:
    with reading(workspace.engine) as session:
        library = read_library(session, workspace.settings.indexes_folder)
    return Examiner(library, workspace.keys.matching)


@pytest.fixture(scope="module")
def trial(tmp_path_factory: pytest.TempPathFactory) -> Trial:
    """Three marked copies with canaries, and one without marks under ids of its own."""
    folder = tmp_path_factory.mktemp("trial")
    workspace = make_workspace(folder / "home")
    for name, ids, people in (("source", 1, 2), ("other", 9, 3)):
        (folder / name).mkdir()
        write_csv(folder / name / "p.csv", {"eid": draw_ids(ids, PEOPLE), **draw_people(people, PEOPLE)})
    source = folder / "source" / "p.csv"
    add_cohort(workspace.enrolment, "c", phenotypes=[source])
    for name in MARKED:
        mark_and_register(
            workspace, "c", name, recipient=f"Institute of {name}", out=folder / name, genotypes=[],
            phenotypes=[source], id_column="eid", canaries=6,
        )  # fmt: skip
    plain = pl.read_csv(source, infer_schema=False).with_columns(own=pl.Series(draw_ids(77, PEOPLE)))
    (folder / "plain").mkdir()
    bridge = plain.select(participant="eid", release_id="own")
    bridge.write_csv(folder / "bridge.csv")
    plain.with_columns(eid="own").drop("own").write_csv(folder / "plain" / "p.csv")
    add_release(
        workspace.enrolment, "c", "plain", recipient="Institute of e", ids=folder / "bridge.csv",
        phenotypes=[folder / "plain" / "p.csv"], id_column="eid",
    )  # fmt: skip
    return Trial(workspace, examiner_of(workspace), folder)


@pytest.mark.parametrize("form", FORMS)
def test_the_recipient_is_named_in_any_form(form: str, trial: Trial) -> None:
    named = trial.named(FORMS[form](trial.leak("b")))
    if form in LOST_DIGITS:
        assert set(named) <= {"b"}
    else:
        assert named == {"b": "accuse"}


@pytest.mark.parametrize("form", FORMS)
def test_rows_of_two_copies_name_both_and_the_unmarked_source_nobody(form: str, trial: Trial) -> None:
    two = pl.concat([trial.leak("a", seed=4), trial.leak("c", seed=5)])
    named = set(trial.named(FORMS[form](two)))
    assert named <= {"a", "c"} if form in LOST_DIGITS else named == {"a", "c"}
    assert trial.named(FORMS[form](trial.leak("source"))) == {}


@pytest.mark.parametrize("form", ["as it is", "renamed", "no header", "on its side", "a line a cell", "xlsx"])
def test_ids_name_their_own_release_and_what_is_no_copy_of_a_release_names_none(
    form: str, trial: Trial
) -> None:
    assert trial.named(FORMS[form](trial.leak("b", ids=True))) == {"b": "accuse"}
    assert set(trial.named(FORMS[form](trial.leak("plain", ids=True)))) == {"plain"}
    assert trial.named(FORMS[form](trial.leak("plain"))) == {}
    assert trial.named(FORMS[form](trial.leak("other", ids=True))) == {}


def rounded(frame: pl.DataFrame) -> pl.DataFrame:
    """Numbers with decimals lose one."""
    columns = []
    for name in frame.columns:
        cells = frame[name].to_list()
        columns.append(
            pl.Series(name, [f"{float(c):.{len(c.split('.')[1]) - 1}f}" if "." in c else c for c in cells])
        )
    return pl.DataFrame(columns)


PARTS = {
    "a fifth of the rows": lambda frame: frame.head(40),
    "half of the columns": lambda frame: frame.select("53-0.0", "21001-0.0", "30600-0.0", "4100-0.0", "30610-0.0"),
    "columns in another order": lambda frame: frame.select(reversed(frame.columns)),
    "a digit rounded away": rounded,
}  # fmt: skip


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("form", ["as it is", "renamed", "on its side", "a line a cell", "SQL"])
def test_a_part_names_its_recipient_in_any_form(form: str, part: str, trial: Trial) -> None:
    leak = PARTS[part](trial.leak("b", rows=200))
    assert trial.named(FORMS[form](leak)) == {"b": "accuse"}
    assert trial.named(FORMS[form](PARTS[part](trial.leak("source", rows=200)))) == {}


def jittered(frame: pl.DataFrame) -> pl.DataFrame:
    """Numbers with decimals a little off: the digits of the finest columns are replaced."""
    rng = np.random.default_rng(8)

    def off(cells: list[str]) -> list[str]:
        return [f"{float(c) + rng.normal(0, 0.0005):.4f}" if "." in c else c for c in cells]

    return pl.DataFrame([pl.Series(name, off(frame[name].to_list())) for name in frame.columns])


HIDING = {
    "labels changed over": lambda frame: frame.rename({"30600-0.0": "30610-0.0", "30610-0.0": "30600-0.0"}),
    "some labels changed": lambda frame: frame.rename({"30600-0.0": "x", "21001-0.0": "bmi"}),
    "digits added": jittered,
}


@pytest.mark.parametrize("hiding", HIDING)
@pytest.mark.parametrize("form", ["as it is", "renamed", "on its side"])
def test_who_hides_columns_is_named_and_nobody_for_the_source(form: str, hiding: str, trial: Trial) -> None:
    named = set(trial.named(FORMS[form](HIDING[hiding](trial.leak("b", rows=100)))))
    assert named <= {"b"} if hiding == "digits added" else named == {"b"}
    assert trial.named(FORMS[form](HIDING[hiding](trial.leak("source", rows=100)))) == {}


def test_no_innocent_is_named_whatever_is_drawn(trial: Trial) -> None:
    """Few rows, of which many say too little: the right one or nobody."""
    for seed in range(30):
        form = ("renamed", "on its side", "a line a cell")[seed % 3]
        rows = 3 + seed
        assert set(trial.named(FORMS[form](trial.leak("b", rows, seed)))) <= {"b"}
        assert trial.named(FORMS[form](trial.leak("source", rows, seed))) == {}


def test_files_of_other_programs_name_the_recipient(trial: Trial, tmp_path: Path) -> None:
    import pandas as pd
    import pyreadstat

    frame = trial.leak("b").with_columns(pl.exclude("53-0.0", "41270-0.0").cast(pl.Float64, strict=False))
    table = pd.DataFrame(frame.to_dict(as_series=False))
    table.to_csv(tmp_path / "melted.csv")
    program = (
        f'd <- read.csv("{tmp_path}/melted.csv"); saveRDS(d, "{tmp_path}/x.rds"); dput(d, "{tmp_path}/x.R"); '
        f'options(width=60); sink("{tmp_path}/printed.txt"); print(d)'
    )
    run("Rscript", "-e", program)
    table.melt(ignore_index=False).to_csv(tmp_path / "melted.csv")
    table.to_pickle(tmp_path / "x.pkl")
    numbers = table.select_dtypes("number").to_numpy()
    np.save(tmp_path / "x.npy", numbers)
    np.savetxt(tmp_path / "x.txt", numbers, fmt="%.5f")
    plain = table.rename(columns={name: f"v{at}" for at, name in enumerate(table.columns)})
    pyreadstat.write_dta(plain, str(tmp_path / "x.dta"))
    pyreadstat.write_sav(plain, str(tmp_path / "x.sav"))
    for path in sorted(tmp_path.iterdir()):
        assert releases_in(trial.examiner.paths([path])) == {"b": "accuse"}, path.name


def test_a_long_table_beyond_what_is_kept_whole_names_the_recipient(
    trial: Trial, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(found, "MOST_SHAPED_CELLS", 5_000)
    whole = trial.copy("b").select("eid", *FIELDS).unpivot(index="eid")
    assert trial.named(whole.write_csv().encode()).get("b") == "accuse"
    assert set(trial.named(whole.with_columns(eid=pl.col("eid").rank("dense")).write_csv().encode())) == {"b"}


@pytest.mark.parametrize("form", ["renamed", "on its side", "decimal commas"])
def test_counsel_is_given_the_same(form: str, trial: Trial, tmp_path: Path) -> None:
    (tmp_path / "leak").write_bytes(FORMS[form](trial.leak("b")))
    for release, word in (("b", "derives at least in part"), ("a", "not shown")):
        told, _ = explain_find(trial.workspace, "c", release, [tmp_path / "leak"], tmp_path / release)
        assert word in told


# --- genotypes -------------------------------------------------------------------------------------------------

SAMPLES, VARIANTS, DONORS = 600, 500, 40


@pytest.fixture(scope="module")
def called(tmp_path_factory: pytest.TempPathFactory) -> Trial:
    folder = tmp_path_factory.mktemp("called")
    workspace = make_workspace(folder / "home")
    calls = genotypes(SAMPLES + DONORS, VARIANTS)
    ids = draw_ids(1, SAMPLES)
    (folder / "source").mkdir()
    source = folder / "source" / "x.vcf"
    write_vcf(source, calls[:, :SAMPLES], ids)
    write_vcf(folder / "donors.vcf", calls[:, SAMPLES:], [f"D{number}" for number in range(DONORS)])
    add_cohort(workspace.enrolment, "g", genotypes=[source])
    for name in MARKED:
        mark_and_register(
            workspace, "g", name, recipient=f"Institute of {name}", out=folder / name, genotypes=[source],
            phenotypes=[], id_column=None, canaries=4, donors=folder / "donors.vcf",
        )  # fmt: skip
    return Trial(workspace, examiner_of(workspace), folder)


def half_of(vcf: Path, out: Path, samples: slice, prefix: str = "S") -> Path:
    """Every other variant of some samples, under new names."""
    lines = vcf.read_text().splitlines()
    head = [line for line in lines if line.startswith("##")]
    columns, *rows = [line.split("\t") for line in lines[len(head) :]]
    names = [f"{prefix}{number}" for number in range(len(columns[9:][samples]))]
    cut = [columns[:9] + names, *(row[:9] + row[9:][samples] for row in rows[::2])]
    out.write_text("\n".join([*head, *("\t".join(row) for row in cut)]) + "\n")
    return out


TOOLS: dict[str, tuple[list[str], ...]] = {
    "vcf.gz": (["bcftools", "view", "-Oz", "-o", "y.vcf.gz", "x.vcf"],),
    "bcf": (["bcftools", "view", "-Ob", "-o", "y.bcf", "x.vcf"],),
    "bed": (["plink2", "--vcf", "x.vcf", "--make-bed", "--out", "y"],),
    "pgen": (["plink2", "--vcf", "x.vcf", "--make-pgen", "--out", "y"],),
    "bgen": (["plink2", "--vcf", "x.vcf", "--export", "bgen-1.2", "bits=8", "ref-first", "--out", "y"],),
    **{form: (["plink2", "--vcf", "x.vcf", "--export", form, "--out", "y"],) for form in ("A", "AD", "Av")},
    **{
        f"recode {form}": (
            ["plink1.9", "--vcf", "x.vcf", "--keep-allele-order", "--out", "y", "--recode", *form.split()],
        )
        for form in ("", "12", "transpose", "oxford", "beagle-nomap", "compound-genotypes")
    },
    "query": (["bash", "-c", r"bcftools query -H -f '%CHROM\t%POS\t%ID\t%REF\t%ALT[\t%GT]\n' x.vcf > y.txt"],),
    "R": (
        ["plink2", "--vcf", "x.vcf", "--export", "A", "--out", "z"],
        ["Rscript", "-e", 'd <- read.table("z.raw", header=TRUE); saveRDS(d[-c(1, 3:6)], "y.rds")'],
    ),
}  # fmt: skip


def letters(vcf: Path) -> pl.DataFrame:
    """A sample a row, letters in columns named after variants."""
    lines = [line.split("\t") for line in vcf.read_text().splitlines() if not line.startswith("##")]
    columns = {"sample": lines[0][9:]}
    for row in lines[1:]:
        spelt = {"0/0": row[3] * 2, "0/1": row[3] + row[4], "1/1": row[4] * 2}
        columns[row[2]] = [spelt.get(cell, "NN") for cell in row[9:]]
    return pl.DataFrame(columns)


def in_table(form: str, vcf: Path, place: Path) -> None:
    frame = letters(vcf)
    match form:
        case "csv":
            frame.write_csv(place / "y.csv")
        case "parquet":
            frame.write_parquet(place / "y.parquet")
        case "xlsx":
            frame.to_pandas().to_excel(place / "y.xlsx", index=False)
        case "json":
            frame.write_json(place / "y.json")
        case "zip":
            with zipfile.ZipFile(place / "y.zip", "w") as archive:
                archive.write(vcf, "inside/x.vcf")
        case "lines":
            frame.unpivot(index="sample", variable_name="rsid", value_name="genotype").write_csv(
                place / "y.csv"
            )


def named_of_calls(form: str, vcf: Path, place: Path, of: Trial) -> set[str]:
    """What is named where the calls of a VCF were written in a form by another program."""
    place.mkdir()
    if form in TOOLS:
        for command in TOOLS[form]:
            run("env", "-C", vcf.parent, *command)
        for path in vcf.parent.glob("y.*"):
            path.rename(place / path.name)
    else:
        in_table(form, vcf, place)
    return set(releases_in(of.examiner.paths([place])))


@pytest.mark.parametrize("form", [*TOOLS, "csv", "parquet", "xlsx", "json", "zip", "lines"])
def test_calls_name_their_recipient_in_any_form(form: str, called: Trial, tmp_path: Path) -> None:
    for of, wanted in (("b", {"b"}), ("source", set())):
        (tmp_path / of).mkdir()
        vcf = half_of(called.folder / of / "x.vcf", tmp_path / of / "x.vcf", slice(100, 250))
        assert named_of_calls(form, vcf, tmp_path / of / "out", called) == wanted, of


@pytest.mark.parametrize("form", ["bed", "A", "csv"])
def test_calls_of_two_copies_name_both(form: str, called: Trial, tmp_path: Path) -> None:
    for of, samples in (("a", slice(0, 150)), ("c", slice(300, 450))):
        half_of(called.folder / of / "x.vcf", tmp_path / f"{of}.vcf", samples, of)
        run("bcftools", "view", "-Oz", "-o", tmp_path / f"{of}.vcf.gz", tmp_path / f"{of}.vcf")
        run("bcftools", "index", tmp_path / f"{of}.vcf.gz")
    run("bcftools", "merge", "-o", tmp_path / "x.vcf", tmp_path / "a.vcf.gz", tmp_path / "c.vcf.gz")
    assert named_of_calls(form, tmp_path / "x.vcf", tmp_path / "out", called) == {"a", "c"}
