"""Residual personal data is counted, never shown; small cells of a table of counts are flagged."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import phonenumbers
import pytest

from matcher.contents import Table
from matcher.examine import Examiner
from matcher.tables.personal import MOST_ADDRESSES, PersonalCounts, is_nhs_number, is_telephone
from tests.matcher.tables.made import KEYS


def examined(path: Path, text: str) -> dict[str, Any]:
    path.write_text(text)
    (line,) = Examiner((), KEYS).paths([path])
    return line


def nhs(seed: int) -> str:
    rng = np.random.default_rng(seed)
    while True:
        digits = rng.integers(0, 10, 9).tolist()
        check = 11 - sum(w * d for w, d in zip(range(10, 1, -1), digits, strict=True)) % 11
        if check != 10:
            text = "".join(map(str, [*digits, check % 11]))
            return f"{text[:3]} {text[3:6]} {text[6:]}"


def people(count: int = 30) -> list[list[str]]:
    return [
        [
            nhs(n),
            f"someone{n}@example.org",
            f"020 7946 0{100 + n}",
            f"AB{1 + n % 9} {n % 10}AB",
            f"19{40 + n}-03-0{1 + n % 9}",
        ]
        for n in range(count)
    ]


def test_every_kind_is_counted_and_none_is_shown(tmp_path: Path) -> None:
    rows = [["nhs", "mail", "phone", "home", "dob"], *people()]
    line = examined(tmp_path / "x.csv", "\n".join(",".join(row) for row in rows) + "\n")
    assert line["personal"] == {
        "NHS number": 30,
        "date of birth": 30,
        "e-mail": 30,
        "postcode": 30,
        "telephone": 30,
    }
    shown = json.dumps(line)
    assert not any(cell in shown for row in people() for cell in row)


@pytest.mark.parametrize(
    "column",
    [
        ["eid", *[str(1_000_000 + 7919 * n) for n in range(50)]],
        ["position", *[str(100_000_000 + 1013 * n) for n in range(50)]],
        ["serial", *[str(4_000_000_000 + 104_729 * n) for n in range(50)]],
        ["visit", *[f"2010-01-{1 + n % 28:02}" for n in range(50)]],
        ["code", *[f"E1{n % 10}" for n in range(50)]],
        ["handle", *[f"@user{n}" for n in range(50)]],
    ],
)
def test_numbers_dates_and_codes_are_not_taken_for_people(column: list[str], tmp_path: Path) -> None:
    line = examined(tmp_path / "x.csv", "\n".join(f"{cell},{n}" for n, cell in enumerate(column)) + "\n")
    assert line["personal"] == {}


FIRST = ("Anna", "Jean-Luc", "Siân", "Þóra", "Nguyễn", "Мария", "伟", "MAEVE", "O.", "Zoë")
LAST = (
    "O’Neill",
    "van der Berg",
    "García Márquez",
    "Smith",
    "Lee-Jones",
    "Иванова",
    "王",
    "de la Cruz",
    "Ng",
    "D'Arcy",
)


@pytest.mark.parametrize("heading", ["Surname", "last_name", "姓名", "Patient name", "Prénom"])
def test_names_are_counted_where_the_heading_says_so(heading: str, tmp_path: Path) -> None:
    rows = [f"{n},{FIRST[n % 10]} {LAST[n // 10]}" for n in range(100)]
    shown = examined(tmp_path / "x.csv", "\n".join([f"visit,{heading}", *rows]) + "\n")
    assert shown["personal"] == {"name": 100}
    assert not any(name in json.dumps(shown, ensure_ascii=False) for name in (*FIRST[:8], *LAST))


@pytest.mark.parametrize(
    ("heading", "cells"),
    [
        (
            "full_name",
            ["Body mass index (BMI)", "Age at recruitment", "Systolic blood pressure, automated reading"],
        ),
        ("name", ["Adam Ant", "Berta Bee", "Carl Cat"]),
        ("surname", ["1", "2", "3"]),
        ("first_name", ["BRCA1", "TP53", "APOE4"]),
        ("surname", ["Yes"]),
        ("last_name", ["S001", "S002", "S003"]),
    ],
)
def test_titles_genes_codes_and_answers_are_not_names(heading: str, cells: list[str], tmp_path: Path) -> None:
    rows = (
        [f"{n},{cells[n % len(cells)]}" for n in range(60)]
        if "," not in "".join(cells)
        else [f'{n},"{cells[n % len(cells)]}"' for n in range(60)]
    )
    assert examined(tmp_path / "x.csv", "\n".join([f"visit,{heading}", *rows]) + "\n")["personal"] == {}


def test_check_digits_are_held() -> None:
    assert is_nhs_number("943 476 5919")
    assert not is_nhs_number("943 476 5918")


def home(rng: random.Random) -> str:
    """A number of some kind of a British region, with digits changed in half of them."""
    region, kind = rng.choice(("GB", "JE", "GG", "IM")), rng.randrange(11)
    example = phonenumbers.example_number_for_type(region, kind)
    digits = list(str(example.national_number if example else rng.randrange(10**10)))
    if rng.random() < 0.5:
        for at in rng.sample(range(2, len(digits)), k=min(len(digits) - 2, rng.randrange(5))):
            digits[at] = rng.choice("0123456789")
    return "".join(digits)[: rng.choice((99, 99, 9))]


def test_telephones_are_those_of_the_library_whatever_is_screened_out_before() -> None:
    """Fractions, home numbers of all kinds, numbers dialled abroad, and digits with signs between."""
    rng = random.Random(3)
    found = screened = 0
    for _ in range(6_000):
        digits = rng.choice(
            (
                lambda: f"0.{rng.randrange(10 ** rng.randrange(7, 12))}",
                lambda: "0" + home(rng),
                lambda: "(0" + home(rng)[:2] + ") " + home(rng)[2:],
                lambda: f"00{rng.choice((1, 33, 49, 44))}" + home(rng),
                lambda: f"+{rng.choice((1, 33, 49, 44))} (0)" + home(rng),
                lambda: "0" + str(rng.randrange(10 ** rng.randrange(6, 13))),
                lambda: "044" + home(rng),
                lambda: f" 0{home(rng)} ext {rng.randrange(99)}",
            )
        )()
        for _ in range(rng.choice((0, 0, 1, 3))):
            at = rng.randrange(1, len(digits) + 1)
            digits = digits[:at] + rng.choice(" -.()") + digits[at:]
        try:
            known = phonenumbers.is_valid_number(phonenumbers.parse(digits, "GB"))
        except phonenumbers.NumberParseException:
            known = False
        known = known and digits.strip().startswith(("+", "0", "("))
        assert is_telephone(digits) == known
        found, screened = found + known, screened + (not known)
    assert found > 1_000
    assert screened > 1_000


def test_a_column_of_fractions_is_no_telephones(tmp_path: Path) -> None:
    rng = random.Random(4)
    cells = [f"0.{rng.randrange(10**9, 10**10)}" for _ in range(300)]
    text = "\n".join(["P", *cells]) + "\n"
    assert examined(tmp_path / "p.csv", text)["personal"] == {}


def test_addresses_in_text_are_counted(tmp_path: Path) -> None:
    assert examined(tmp_path / "x.txt", "write to a.b@example.org or to c@example.com\n")["personal"] == {
        "e-mail": 2
    }


MAILS = [f"someone{n}@example.org" for n in range(30)]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("x.py", f"rows = {[(n, mail, 1.5 * n) for n, mail in enumerate(MAILS)]!r}\n"),
        ("x.R", f"d <- data.frame(n = c({', '.join(map(str, range(30)))}), m = c({json.dumps(MAILS)[1:-1]}))\n"),
        (
            "x.tex",
            "\\begin{tabular}{ll}\nn & mail \\\\\n"
            + "".join(f"{n} & {mail} \\\\\n" for n, mail in enumerate(MAILS))
            + "\\end{tabular}\n",
        ),
        (
            "x.html",
            "<html><body><p>Those who wrote</p><table><tr><th>n</th><th>mail</th></tr>"
            + "".join(f"<tr><td>{n}</td><td>{mail}</td></tr>" for n, mail in enumerate(MAILS))
            + "</table></body></html>",
        ),
    ],
)  # fmt: skip
def test_an_address_in_a_table_of_a_text_counts_once(name: str, text: str, tmp_path: Path) -> None:
    assert examined(tmp_path / name, text)["personal"]["e-mail"] == 30


def test_other_addresses_beside_a_table_of_a_text_count_as_well(tmp_path: Path) -> None:
    rows = [(n, mail, 1.5 * n) for n, mail in enumerate(MAILS)]
    text = f"# of a@example.org and b@example.org\nrows = {rows!r}\n# twice: {MAILS[0]} {MAILS[0]}\n"
    assert examined(tmp_path / "x.py", text)["personal"] == {"e-mail": 34}


def test_an_address_in_many_cells_counts_as_often(tmp_path: Path) -> None:
    text = "n,mail\n" + "".join(f"{n},same@example.org\n" for n in range(40))
    assert examined(tmp_path / "x.csv", text)["personal"] == {"e-mail": 40}


def test_more_addresses_than_are_kept_are_counted() -> None:
    counts = PersonalCounts()
    many = [f"a{n}@example.org" for n in range(MOST_ADDRESSES + 500)]
    for start in range(0, len(many), 2_000):
        counts.add(Table("x", ("mail",), (many[start : start + 2_000],)))
    assert counts.counts == {"e-mail": len(many)}
    assert len(counts._in_tables) == MOST_ADDRESSES
    assert "example" not in repr(counts)


def test_small_cells_of_a_table_of_counts_are_flagged(tmp_path: Path) -> None:
    table = "diagnosis,cases,mean_age\nA,120,50\nB,3,51\nC,1,52\nD,5,49\n"
    line = examined(tmp_path / "x.csv", table)
    assert (line["content"], line["small_cells"]) == ("aggregate", 2)
    assert (
        examined(tmp_path / "y.csv", table.replace(",3,", ",30,").replace(",1,", ",10,"))["small_cells"] == 0
    )
