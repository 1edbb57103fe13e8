"""Decoys: what looks like a leak to a detector of seven-digit numbers or of column names, and is none."""

from __future__ import annotations

import gzip

import numpy as np

from config.demo.cohort import ALIAS, TITLE, MadeCohort, write_vcf
from config.demo.planting import Planted, Sites
from config.demo.shapes import (
    CODING,
    MODEL,
    delimited,
    dictionary,
    lines,
    notebook_of,
    summary_statistics,
)
from config.demo.sites.storefront import Listing


def plant_decoys(sites: Sites, cohort: MadeCohort) -> None:
    """Plants every decoy."""
    _decoys_in_repositories(sites, cohort)
    _decoys_in_shop(sites, cohort)


def _decoys_in_repositories(sites: Sites, cohort: MadeCohort) -> None:
    random = np.random.default_rng(7)
    sites.on_github(
        "consortium/sumstats",
        f"GWAS summary statistics from {TITLE}",
        [("release", {"height.tsv": summary_statistics(cohort, random)})],
        Planted("consortium/sumstats", "github", "GWAS summary statistics", None, False),
    )
    sites.on_github(
        "docs/data-dictionary",
        f"Field list of {TITLE}",
        [("fields", {"dictionary.csv": dictionary(cohort), "coding.tsv": CODING})],
        Planted("docs/data-dictionary", "github", "data dictionary and codings", None, False),
    )
    notebook = notebook_of(
        ("term", "estimate", "std_error"), [("age", "0.021", "0.003"), ("sex", "-0.110", "0.040")]
    )
    sites.on_github(
        "clean-lab/analysis",
        f"Analysis code for {TITLE}, no data",
        [("code", {"model.R": MODEL, "tables.ipynb": notebook})],
        Planted("clean-lab/analysis", "github", "code and aggregate tables", None, False),
    )
    shuffled = [random.permutation(list(column)) for column in zip(*cohort.rows[:900], strict=True)]
    synthetic = [tuple(map(str, row)) for row in zip(*shuffled, strict=True)]
    made_up = [(str(5_000_000 + n), *row) for n, row in enumerate(synthetic)]
    sites.on_github(
        "teaching/synthetic-cohort",
        f"Synthetic data shaped like {TITLE}",
        [("made", {"synthetic.csv": delimited(("eid", *cohort.columns), made_up)})],
        Planted("teaching/synthetic-cohort", "github", "synthetic data with the same fields", None, False),
    )
    made = sites.folder / "made"
    strangers = [f"HG{n:05d}" for n in range(cohort.strangers.shape[1])]
    write_vcf(made / "strangers.vcf.gz", strangers, cohort.sites, cohort.strangers)
    sites.on_git_server(
        "public-panel",
        [("panel", {"panel.vcf.gz": (made / "strangers.vcf.gz").read_bytes()})],
        Planted("public-panel", "git", "genotypes of other people", None, False),
    )
    numbers = random.integers(1_000_000, 9_999_999, 3_000)
    sites.on_git_server(
        "pubmed-lists",
        [("list", {"pmids.txt": lines([str(one) for one in numbers])})],
        Planted("pubmed-lists", "git", "seven-digit numbers", None, False),
    )
    regions = [("1", str(p), str(p + 5000), f"gene{n}") for n, p in enumerate(np.sort(numbers)[:2000])]
    sites.on_git_server(
        "gene-regions",
        [("bed", {"regions.bed": delimited(regions[0], regions[1:], "\t")})],
        Planted("gene-regions", "git", "genome coordinates", None, False),
    )


def _decoys_in_shop(sites: Sites, cohort: MadeCohort) -> None:
    sites.in_shop(
        Listing(
            72001,
            f"{ALIAS} 挖掘课程 代码 辅导 一对一",
            f"{ALIAS}数据挖掘课程,视频教程,一对一辅导,不提供数据。",
            "399.00",
            "学院",
        ),
        Planted("/item/72001", "shop", "sells tuition", None, False),
    )
    random = np.random.default_rng(8)
    sites.in_shop(
        Listing(
            72002,
            f"GWAS summary statistics collection ({TITLE}, height)",
            "Public summary statistics, cleaned and sorted. No individual data.",
            "49.00",
            "stats-shop",
            "en",
            files={"height.tsv.gz": gzip.compress(summary_statistics(cohort, random), mtime=0)},
        ),
        Planted("/item/72002", "shop", "sells summary statistics", None, False),
    )
    sites.in_shop(
        Listing(72003, "帆布袋 生物 实验室 礼品", "结实的帆布袋,实验室礼品,两种颜色。", "29.00", "礼品店"),
        Planted("/item/72003", "shop", "a bag", None, False),
    )
