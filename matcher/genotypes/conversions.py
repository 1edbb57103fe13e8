"""Tables of calls that are told in a find and are no source of a cohort: as what they are to be written to be one.

Most name no samples, or state no place and no second allele; an index of them would hold columns' numbers as people.
"""

from __future__ import annotations

from matcher.contents import Table
from matcher.genotypes.called_tables import CalledTable, called_table_of

_WRITE = "write it as VCF, or as .ped and .map, which are read as they are"
_BEFORE_TPED = 4
"""Columns before its alleles; Beagle's are two and say no place."""


def way_to_enrol(table: Table) -> str | None:
    """What to do with a table that holds calls, in a few words; None where it holds none."""
    called = called_table_of(table) if table.rows_count else None
    return None if called is None else _way(called)


def _way(called: CalledTable) -> str:
    if called.shape == "lines":
        return (
            "write it as .lgen, .map and .fam, run `plink --lfile STEM --make-bed --out NEW` and give NEW.bed"
        )
    if called.shape == "rows":
        match called.form:
            case "alleles" if called.calls[0] == _BEFORE_TPED:
                return _with_plink2("--tped FILE --tfam FAM")
            case "haplotypes":
                return _with_plink2("--haps FILE ref-first --sample SAMPLES")
            case "probabilities":
                return _with_plink2("--gen FILE ref-first --sample SAMPLES")
    return _WRITE


def _with_plink2(how: str) -> str:
    return f"run `plink2 {how} --make-pgen --out NEW` and give NEW.pgen"
