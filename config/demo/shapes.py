"""The forms that leaked data and its look-alikes take: tables, notebooks, archives, genotypes, statistics."""

from __future__ import annotations

import csv
import io
import json
import tarfile
import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from config.demo.cohort import MadeCohort, write_plink
from config.demo.planting import ReleaseFiles

MODEL = (
    b'library(data.table)\nd <- fread("pheno.csv")\nfit <- lm(`21001-0.0` ~ `31-0.0` + `34-0.0`, data = d)\n'
)
CODING = (
    b"coding\tmeaning\n1001\tBritish\n1002\tIrish\n3001\tIndian\n4001\tCaribbean\n"
    b"11001\tCentre one\n11002\tCentre two\n"
)


def delimited(columns: Sequence[str], rows: Sequence[Sequence[str]], delimiter: str = ",") -> bytes:
    out = io.StringIO()
    writer = csv.writer(out, delimiter=delimiter, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    return out.getvalue().encode()


def lines(values: Sequence[str]) -> bytes:
    return "".join(f"{one}\n" for one in values).encode()


def printed(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> bytes:
    """As a data frame prints itself."""
    table = [("", *columns), *((str(n), *row) for n, row in enumerate(rows))]
    widths = [max(len(cell) for cell in column) for column in zip(*table, strict=True)]
    return "\n".join(
        "  ".join(cell.rjust(w) for cell, w in zip(row, widths, strict=True)) for row in table
    ).encode()


def notebook_of(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> bytes:
    head = "".join(f"<th>{one}</th>" for one in columns)
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    html = f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    output = {
        "output_type": "execute_result",
        "execution_count": 2,
        "metadata": {},
        "data": {"text/html": [html], "text/plain": [printed(columns, rows).decode()]},
    }
    cell = {
        "cell_type": "code",
        "execution_count": 2,
        "metadata": {},
        "source": ["df.head(20)"],
        "outputs": [output],
    }
    return json.dumps({"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}).encode()


def zipped(name: str, content: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
    return out.getvalue()


def tarred(name: str, content: bytes) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        member = tarfile.TarInfo(name)
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))
    return out.getvalue()


def rounded_cell(cell: str) -> str:
    whole, point, digits = cell.partition(".")
    return f"{float(cell):.1f}" if point and len(digits) > 1 and whole.lstrip("-").isdigit() else cell


def own_dosages(release: ReleaseFiles, cohort: MadeCohort) -> npt.NDArray[np.int8]:
    """The release's own copy of the array, marks and all."""
    if release.array is None:
        return cohort.dosages
    packed = np.frombuffer(release.array.with_suffix(".bed").read_bytes()[3:], dtype=np.uint8)
    rows = packed.reshape(len(cohort.sites.names), -1)
    codes = np.stack([rows >> shift & 3 for shift in (0, 2, 4, 6)], axis=2).reshape(rows.shape[0], -1)
    return np.array([2, 0, 1, 0], dtype=np.int8)[codes[:, : len(cohort.ids)]]


def cut_plink(release: ReleaseFiles, people: list[int], stem: Path, cohort: MadeCohort) -> None:
    ids = release.array.with_suffix(".fam").read_text().split("\n") if release.array else []
    names = [ids[n].split()[1] for n in people] if ids else [cohort.ids[n] for n in people]
    write_plink(stem, names, cohort.sites, own_dosages(release, cohort)[:, people])


def summary_statistics(cohort: MadeCohort, random: np.random.Generator) -> bytes:
    rows = [
        (
            cohort.sites.chromosomes[at],
            str(1_000_000 + int(cohort.sites.positions[at]) % 8_000_000),
            cohort.sites.names[at],
            *cohort.sites.alleles[at],
            f"{random.normal(0, 0.02):.5f}",
            "0.00910",
            f"{random.random():.3e}",
            "402113",
        )
        for at in range(0, len(cohort.sites.names), 2)
    ]
    return delimited(("CHR", "BP", "SNP", "A2", "A1", "BETA", "SE", "P", "N"), rows, "\t")


def dictionary(cohort: MadeCohort) -> bytes:
    rows = [(name.partition("-")[0], name, "Continuous", "5000") for name in cohort.columns]
    return delimited(("FieldID", "Column", "ValueType", "Participants"), rows)
