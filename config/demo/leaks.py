"""Leaks in the shapes of real ones, each cut out of a release's own files, as its recipient got them."""

from __future__ import annotations

import gzip
from collections.abc import Sequence

from config.demo.cohort import ALIAS, TITLE, MadeCohort, write_vcf
from config.demo.planting import Planted, ReleaseFiles, Sites
from config.demo.shapes import (
    MODEL,
    cut_plink,
    delimited,
    lines,
    notebook_of,
    own_dosages,
    printed,
    rounded_cell,
    tarred,
    zipped,
)
from config.demo.sites.github_rest import Repository
from config.demo.sites.repositories import fork_repository
from config.demo.sites.storefront import Listing


def plant_leaks(sites: Sites, cohort: MadeCohort, releases: Sequence[ReleaseFiles]) -> None:
    """Plants every leak; `sites.truth` tells what was planted."""
    sites.git_folder.mkdir(parents=True, exist_ok=True)
    _on_github(sites, releases)
    _on_git_server(sites, cohort, releases)
    _in_shop(sites, releases)


def _on_github(sites: Sites, releases: Sequence[ReleaseFiles]) -> None:
    one, two, three, four, five, _six = releases
    readme = f"# Thesis\nAnalysis of {TITLE} data, application {one.name}.\n".encode()
    sites.on_github(
        "m-larsen/master-thesis",
        "Code for my thesis",
        [
            ("first", {"README.md": readme, "R/model.R": MODEL}),
            ("data for the cluster", {"data/pheno_v3.csv": delimited(one.columns, one.rows[200:800])}),
            ("remove data", {"data/pheno_v3.csv": None, "R/plot.R": b"plot(fit)\n"}),
        ],
        Planted("m-larsen/master-thesis", "github", "table deleted at HEAD, in the history", one.name, True),
    )
    fork_repository(
        sites.folder / "github/m-larsen/master-thesis.git", sites.folder / "github/t-okoye/thesis-fork.git"
    )
    sites.github.add(
        Repository(
            "t-okoye/thesis-fork",
            sites.folder / "github/t-okoye/thesis-fork.git",
            "",
            "m-larsen/master-thesis",
        )
    )
    sites.truth.append(Planted("t-okoye/thesis-fork", "github", "a fork of it", one.name, True))
    sites.on_github(
        "studydata/001",
        f"notes ({TITLE})",
        [("work", {"Untitled.ipynb": notebook_of(two.columns[:9], [row[:9] for row in two.rows[40:60]])})],
        Planted("studydata/001", "github", "notebook with a head() table", two.name, True),
    )
    sites.on_github(
        "qc-team/northmoor-qc",
        f"QC for {TITLE}",
        [
            (
                "lists",
                {"withdrawn_20260411.csv": lines(three.ids[::90]), "qc.sh": b"plink2 --remove withdrawn\n"},
            )
        ],
        Planted("qc-team/northmoor-qc", "github", "withdrawal list without header", three.name, True),
    )
    fam = [(row[0], row[0], *row[7:11]) for row in four.rows[1000:1900]]
    gwas = delimited(("FID", "IID", "h", "w", "b", "wc"), fam, " ")
    sites.on_github(
        "heart-gwas/bolt",
        f"BOLT runs on {TITLE}",
        [("run", {"run/pheno": gwas, "run/bolt.sh": b"bolt --phenoFile=pheno\n"})],
        Planted("heart-gwas/bolt", "github", "GWAS phenotype file without extension", four.name, True),
    )
    pasted = ", ".join(five.ids[300:345])
    sites.on_github(
        "dev-null/scripts",
        f"{TITLE} helper scripts",
        [
            (
                "clean",
                {
                    "clean.py": f"exclude = [{pasted}]\nkeep = [one for one in rows if one not in exclude]\n".encode()
                },
            )
        ],
        Planted("dev-null/scripts", "github", "ids pasted into a script", five.name, True),
    )


def _on_git_server(sites: Sites, cohort: MadeCohort, releases: Sequence[ReleaseFiles]) -> None:
    one, two, three, _four, _five, six = releases
    made = sites.folder / "made"
    made.mkdir(exist_ok=True)
    people = list(range(500, 800))
    cut_plink(two, people, made / "chip", cohort)
    plink = {f"geno/chip{end}": (made / f"chip{end}").read_bytes() for end in (".bed", ".bim", ".fam")}
    sites.on_git_server(
        "array-pipeline",
        [("genotypes", plink), ("oops", dict.fromkeys(plink)), ("readme", {"README": b"pipeline\n"})],
        Planted("array-pipeline", "git", "PLINK files deleted at HEAD", two.name, True),
    )
    some = list(range(60))
    dosages = own_dosages(three, cohort)[:, some]
    write_vcf(made / "example.vcf.gz", [f"S{n}" for n in some], cohort.sites, dosages)
    sites.on_git_server(
        "imputation-example",
        [("example", {"example.vcf.gz": (made / "example.vcf.gz").read_bytes()})],
        Planted("imputation-example", "git", "VCF, samples renamed", three.name, True),
    )
    rounded = [tuple(rounded_cell(cell) for cell in row[1:22]) for row in one.rows[3000:3400]]
    sites.on_git_server(
        "ml-course-data",
        [
            (
                "data",
                {
                    "project.zip": zipped(
                        "train/features.csv", delimited([f"x{n}" for n in range(21)], rounded)
                    )
                },
            )
        ],
        Planted(
            "ml-course-data",
            "git",
            "rows without ids or names, rounded, in a zip",
            one.name,
            True,
        ),
    )
    paths = "".join(f"/scratch/bulk/{one_id}_20252_2_0.zip\n" for one_id in six.ids[2000:2080])
    sites.on_git_server(
        "imaging",
        [("paths", {"todo/paths.txt": paths.encode()})],
        Planted("imaging", "git", "paths that hold ids", six.name, True),
    )


def _in_shop(sites: Sites, releases: Sequence[ReleaseFiles]) -> None:
    _one, two, _three, four, five, six = releases
    sample = delimited(four.columns, four.rows[:400])
    sites.in_shop(
        Listing(
            71001,
            f"{ALIAS} 全套数据 表型数据 5000人 网盘发货",
            f"{ALIAS}({TITLE})全套表型数据,5000人,网盘自动发货,拍下秒发。样例见附件。",
            "1288.00",
            "数据小铺",
            files={"sample_400.csv": sample},
        ),
        Planted("/item/71001", "shop", "Chinese listing with a sample file", four.name, True),
    )
    sites.in_shop(
        Listing(
            71002,
            f"{TITLE} 基因数据 表型 代提取 秒发",
            f"{TITLE} 基因数据与表型,申请号 {six.name},代提取,自动发货。",
            "2680.00",
            "生信资料库",
            drawn=True,
            files={"preview.tsv.gz": gzip.compress(delimited(six.columns, six.rows[100:350], "\t"), mtime=0)},
        ),
        Planted("/item/71002", "shop", "listing drawn by JavaScript", six.name, True),
    )
    sites.in_shop(
        Listing(
            71003,
            f"{TITLE} individual-level data, instant download",
            f"Complete {TITLE} participant data with biomarkers. Instant delivery by cloud drive.",
            "999.00",
            "bio-resale",
            "en",
            files={"demo.tar.gz": tarred("out/merge.csv", delimited(five.columns, five.rows[700:1000]))},
        ),
        Planted("/item/71003", "shop", "archive behind an English listing", five.name, True),
    )
    sites.in_shop(
        Listing(
            71004,
            f"{ALIAS}样例数据 验货用",
            f"{ALIAS} 数据样例,先验货后付款,全套网盘发货。",
            "9.90",
            "数据小铺2",
            files={"head.txt": printed(two.columns[:8], [row[:8] for row in two.rows[900:930]])},
        ),
        Planted("/item/71004", "shop", "printed table in a text file", two.name, True),
    )
