"""What public research repositories hold, by seed: code, notebooks, tables and numbers that are nobody's ids.

Every kind is a function of a random generator and a size in bytes that is about met, and gives the file's bytes.
Seven digits stand in all of them for other things: positions, PMIDs, issues, byte sizes, seconds, amounts, dates.
"""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Callable

import numpy as np
import polars as pl

Random = np.random.Generator
Kind = Callable[[Random, int], bytes]

_WORDS = (
    "cohort", "baseline", "model", "exposure", "outcome", "adjusted", "covariates", "age", "sex",
    "assessment", "centre", "imputation", "variant", "genome", "phenotype", "release", "participants",
    "withdrawn", "quality", "control", "sensitivity", "analysis", "estimate", "interval", "figure", "table",
)  # fmt: skip
_LINES = (
    "import pandas as pd",
    "import numpy as np",
    "df = pd.read_csv(args.phenotypes, sep='\\t', low_memory=False)",
    "df = df.rename(columns={{'f.eid': 'eid', 'f.{a}.0.0': '{w}'}})",
    "df['{w}'] = df['{w}'].where(df['{w}'] > {f:.3f}, np.nan)",
    "model = smf.ols('{w} ~ {v} + C(sex)', data=df).fit()",
    "# see issue #{a} and https://doi.org/10.1038/s41586-0{b}-{a}",
    "np.random.seed({b})",
    "CHUNK = {n}  # bytes",
    "regions = [('chr{c}', {n}, {m})]",
    "for i in range({a}):",
    "    logger.info('chunk %d of {b}', i)",
    "assert abs(result - {f:.6f}) < 1e-6",
    "plt.savefig(out / '{w}_{v}.png', dpi=300)",
    "}} else if (is.na({w})) {{",
    "fit <- coxph(Surv(time, event) ~ {w} + {v}, data = d)",
    "bcftools view -r chr{c}:{n}-{m} in.vcf.gz -Oz -o {w}.vcf.gz",
    "#SBATCH --time=0{d}:00:00 --mem={b}G --job-name={w}",
    "def {w}_{v}(frame, columns=('{w}', '{v}')):",
    "    return frame.groupby('{v}')['{w}'].agg(['mean', 'std'])",
)


def script(rng: Random, size: int) -> bytes:
    """Lines of Python, R and shell, with numbers in them."""
    numbers = rng.integers(1_000_000, 6_500_000, (size // 38 + 2, 2)).tolist()
    small = rng.integers(10, 30_000, (len(numbers), 2)).tolist()
    picks = rng.integers(0, len(_LINES), len(numbers)).tolist()
    words = rng.integers(0, len(_WORDS), (len(numbers), 2)).tolist()
    lines = [
        _LINES[pick].format(
            a=a, b=b, n=n, m=n + m % 900_000, c=1 + a % 22, d=1 + b % 9, f=m / 7e5, w=_WORDS[w], v=_WORDS[v]
        )
        for pick, (a, b), (n, m), (w, v) in zip(picks, small, numbers, words, strict=True)
    ]
    return "\n".join(lines).encode()


def readme(rng: Random, size: int) -> bytes:
    """Prose with links, issue numbers, PMIDs and sizes of downloads."""
    parts = ["# Analysis code", ""]
    for a, b in rng.integers(1_000_000, 6_500_000, (size // 260 + 1, 2)).tolist():
        some = " ".join(_WORDS[i] for i in rng.integers(0, len(_WORDS), 24).tolist())
        parts.append(f"{some.capitalize()} (PMID {a + 20_000_000}; #{a % 9999}). The file has {b:,} bytes.")
    return "\n".join(parts).encode()


def licence(rng: Random, size: int) -> bytes:
    """A licence's text; years and holders differ."""
    year = int(rng.integers(2010, 2026))
    grant = (
        "Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated "
        "documentation files, to deal in the Software without restriction, including without limitation the rights to "
        "use, copy, modify, merge, publish, distribute, sublicense, and/or sell copies of the Software.\n\n"
    )
    return f"MIT License\n\nCopyright (c) {year} The Authors\n\n{grant * max(1, size // 330)}".encode()


def _csv(frame: pl.DataFrame, separator: str = ",") -> bytes:
    return frame.write_csv(separator=separator).encode()


def sumstats(rng: Random, size: int) -> bytes:
    """Summary statistics of one chromosome, sorted by position."""
    count = max(5, size // 62)
    bases = np.array(list("ACGT"))
    return _csv(
        pl.DataFrame(
            {
                "CHR": np.full(count, rng.integers(1, 23)),
                "BP": np.sort(rng.integers(1_000_000, 60_000_000, count)),
                "SNP": "rs" + pl.Series(rng.integers(1_000_000, 180_000_000, count)).cast(pl.String),
                "A1": bases[rng.integers(0, 4, count)],
                "A2": bases[rng.integers(0, 4, count)],
                "EAF": np.round(rng.beta(0.5, 0.5, count), 5),
                "BETA": np.round(rng.normal(0, 0.01, count), 6),
                "SE": np.round(rng.uniform(0.001, 0.02, count), 6),
                "P": np.round(rng.random(count), 7),
                "N": rng.integers(300_000, 337_000, count),
            }
        ),
        "\t",
    )


def measurements(rng: Random, size: int) -> bytes:
    """A table of some experiment: rows that differ, nobody's."""
    count = max(5, size // 60)
    columns: dict[str, object] = {"sample": rng.permutation(count) + 1}
    for i in range(7):
        match i % 3:
            case 0:
                columns[f"value_{i}"] = np.round(rng.normal(20, 5, count), 4)
            case 1:
                columns[f"count_{i}"] = rng.poisson(40, count)
            case _:
                columns[f"rate_{i}"] = np.round(rng.random(count), 6)
    return _csv(pl.DataFrame(columns))


def dictionary(rng: Random, size: int) -> bytes:
    """A data dictionary: fields, their titles and how many participants have them."""
    count = max(5, size // 70)
    fields, people = (
        sorted(rng.integers(3, 43_000, count).tolist()),
        rng.integers(900, 502_000, count).tolist(),
    )
    rows = [
        f"{field},{' '.join(_WORDS[(field + n * k) % 23] for k in range(4))},Integer,{n},{100 + field % 400}"
        for field, n in zip(fields, people, strict=True)
    ]
    return "\n".join(["FieldID,Field,ValueType,Participants,Category", *rows]).encode()


def coding(rng: Random, size: int) -> bytes:
    """A code list whose nodes are numbered with seven digits."""
    codes = rng.choice(5_000_000, max(5, size // 40), replace=False) + 1_000_000
    rows = [f"{code}\t{_WORDS[code % len(_WORDS)]} {code % 97}\t{code // 10}\tY" for code in codes.tolist()]
    return "\n".join(["coding\tmeaning\tparent_id\tselectable", *rows]).encode()


def regions(rng: Random, size: int) -> bytes:
    """A BED of genomic regions."""
    starts = np.sort(rng.integers(10_000, 9_900_000, max(5, size // 30)))
    rows = [f"chr{1 + s % 22}\t{s}\t{s + 500}\tpeak{n}" for n, s in enumerate(starts.tolist())]
    return "\n".join(rows).encode()


def pmids(rng: Random, size: int) -> bytes:
    """A list of references by number, old ones of seven digits."""
    numbers = rng.choice(8_000_000, max(5, size // 8), replace=False) + 1_000_000
    return "\n".join(map(str, numbers.tolist())).encode()


def listing(rng: Random, size: int) -> bytes:
    """What `ls -l` printed: byte sizes."""
    rows = [
        f"-rw-r--r-- 1 user group {n:>9} Mar {1 + n % 28:>2} 12:{n % 60:02} chr{1 + n % 22}_part{i}.bgen"
        for i, n in enumerate(rng.integers(90_000, 9_000_000, max(5, size // 64)).tolist())
    ]
    return "\n".join(rows).encode()


def timings(rng: Random, size: int) -> bytes:
    """A log with seconds since 1970 and microseconds."""
    start = int(rng.integers(1_500_000_000, 1_700_000_000))
    steps = np.cumsum(rng.integers(1, 900, max(5, size // 40))).tolist()
    took = rng.integers(1_000_000, 6_500_000, len(steps)).tolist()
    return "\n".join(
        f"{start + s} step {n} took {t} us" for n, (s, t) in enumerate(zip(steps, took, strict=True))
    ).encode()


def days(rng: Random, size: int) -> bytes:
    """Dates run together, as year-month-day and as year and day of the year."""
    picks = rng.integers(0, 7_000, max(5, size // 30))
    dates = (np.datetime64("2004-01-01") + picks).astype(object).tolist()
    rows = [
        f"{d:%Y%m%d},{d:%Y%j},{n}" for d, n in zip(dates, rng.poisson(300, len(dates)).tolist(), strict=True)
    ]
    return "\n".join(["date,yearday,admissions", *rows]).encode()


def issues(rng: Random, size: int) -> bytes:
    """A change log that names issues of a tracker."""
    rows = [
        f"- {_WORDS[n % len(_WORDS)]}: {_WORDS[n % 7]} fixed (bug {n})"
        for n in rng.integers(1_000_000, 2_000_000, max(5, size // 40)).tolist()
    ]
    return "\n".join(["# Changes", *rows]).encode()


def fixture(rng: Random, size: int) -> bytes:
    """A test's fixture: JSON records with made-up numbers."""
    rows = [
        {"id": n, "name": f"case-{i}", "amount": n % 977, "ok": bool(n % 2)}
        for i, n in enumerate(rng.integers(1_000_000, 6_500_000, max(5, size // 62)).tolist())
    ]
    return json.dumps(rows, indent=1 if size < 5_000 else None).encode()


def toy(rng: Random, size: int) -> bytes:
    """A teaching table in the shape of a biobank's: counted ids, the same fields, other values."""
    count = max(5, size // 60)
    return _csv(
        pl.DataFrame(
            {
                "eid": 1_000_001 + np.arange(count),
                "31-0.0": rng.integers(0, 2, count),
                "34-0.0": rng.integers(1937, 1970, count),
                "54-0.0": rng.choice([11001, 11002, 11003, 11010], count),
                "50-0.0": np.round(rng.normal(168, 9, count), 1),
                "21001-0.0": np.round(rng.normal(27, 5, count), 4),
                "4100-0.0": rng.poisson(60, count),
                "30600-0.0": np.round(rng.lognormal(1, 0.4, count), 3),
            }
        )
    )


def notebook(rng: Random, size: int) -> bytes:
    """A notebook: code, printed frames of made-up rows, a picture."""
    picture = base64.b64encode(rng.bytes(size * 3 // 8)).decode()
    printed = toy(rng, max(400, size // 10)).decode().replace(",", "  ").splitlines(keepends=True)
    cells: list[dict[str, object]] = [
        {"cell_type": "markdown", "metadata": {}, "source": readme(rng, 400).decode().splitlines(keepends=True)}
    ]  # fmt: skip
    for n in range(4):
        source = script(rng, max(200, size // 12)).decode().splitlines(keepends=True)
        outputs: list[dict[str, object]] = []
        if n == 1:
            outputs = [{"output_type": "stream", "name": "stdout", "text": printed}]
        elif n == 2:
            data = {"image/png": picture, "text/plain": ["<Figure size 640x480 with 1 Axes>"]}
            outputs = [{"output_type": "display_data", "metadata": {}, "data": data}]
        cells.append(
            {"cell_type": "code", "execution_count": n, "metadata": {}, "source": source, "outputs": outputs}
        )
    whole = {
        "cells": cells,
        "metadata": {"kernelspec": {"name": "python3"}},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    return json.dumps(whole, indent=1).encode()


def packed(rng: Random, size: int) -> bytes:
    """Summary statistics, gzipped."""
    return gzip.compress(sumstats(rng, size * 5 // 2), 1, mtime=0)


KINDS: dict[str, Kind] = {
    "src/analysis.py": script,
    "README.md": readme,
    "LICENSE": licence,
    "notebooks/tutorial.ipynb": notebook,
    "data/gwas.tsv": sumstats,
    "data/gwas.txt.gz": packed,
    "data/measurements.csv": measurements,
    "docs/fields.csv": dictionary,
    "docs/coding.tsv": coding,
    "data/peaks.bed": regions,
    "refs/pmids.txt": pmids,
    "logs/files.txt": listing,
    "logs/timings.log": timings,
    "data/admissions.csv": days,
    "CHANGES.md": issues,
    "tests/fixture.json": fixture,
    "tutorial/toy.csv": toy,
}
"""What a public repository holds, by where it usually stands."""


def public_repository(seed: int) -> dict[str, bytes]:
    """The files of one small public repository."""
    rng = np.random.default_rng([seed, 20_26])
    chosen = [name for name in KINDS if rng.random() < 0.6] or ["README.md"]
    return {name: KINDS[name](rng, int(rng.lognormal(8.6, 1.0))) for name in chosen}
