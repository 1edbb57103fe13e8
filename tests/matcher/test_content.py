"""What a file is, and that no value is shown as a name."""

from __future__ import annotations

import numpy as np
import pytest

from matcher.content import ContentSketch
from matcher.contents import WRITTEN_OUT, Genotypes, Text
from matcher.tables.spellings import read_name
from tests.matcher.tables.made import draw_ids, table

IDS = draw_ids(1, 50)


def kind(*parts: object, format_: str = "csv", name: str = "x.csv") -> str:
    sketch = ContentSketch()
    for part in parts:
        sketch.add(part)  # type: ignore[arg-type]
    return sketch.kind(format_, name)[0]


def test_rows_about_people_are_individual_level() -> None:
    assert kind(table({"eid": IDS, "sex": ["0", "1"] * 25, "bmi": ["23.4"] * 50})) == "individual-level"
    assert kind(table({"31-0.0": ["0"] * 50, "21001-0.0": ["23"] * 50})) == "individual-level"


def test_summary_statistics_are_aggregate() -> None:
    columns = {
        "CHR": ["1"] * 50,
        "BP": IDS,
        "SNP": [f"rs{i}" for i in IDS],
        "BETA": ["0.1"] * 50,
        "P": ["1e-5"] * 50,
    }
    assert kind(table(columns)) == "aggregate"


def test_a_table_of_counts_is_aggregate() -> None:
    assert (
        kind(table({"centre": ["a", "b", "c"], "n": ["10", "20", "3"], "mean": ["1", "2", "3"]}))
        == "aggregate"
    )


@pytest.mark.parametrize(
    "names",
    [("FieldID", "Field", "Description"), ("Coding", "Value", "Meaning"), ("variable", "label", "notes")],
)
def test_dictionaries_are_documentation(names: tuple[str, ...]) -> None:
    assert kind(table({name: [f"{name} {i}" for i in range(20)] for name in names})) == "documentation"


def test_lists_of_ids_are_identifiers() -> None:
    assert kind(table({"eid": IDS})) == "identifiers"
    assert kind(table({"column_1": IDS}, has_header=False)) == "identifiers"
    assert kind(Text("w", "\n".join(IDS)), format_="text", name="w1234_20250101") == "identifiers"


def test_scripts_are_code_and_prose_is_text() -> None:
    assert kind(Text("a", "import pandas as pd\nx = 1\n"), format_="text", name="a.py") == "code"
    assert kind(Text("a", "This study looks at the heart."), format_="text", name="README.md") == "text"


def test_a_notebook_with_rows_is_individual_level_and_without_is_code() -> None:
    code = Text("cell", "df.head()")
    assert kind(code, format_="notebook", name="a.ipynb") == "code"
    rows = table({"eid": IDS, "sex": ["1"] * 50})
    assert kind(code, rows, format_="notebook", name="a.ipynb") == "individual-level"


def test_genotypes_are_individual_level_and_sites_alone_are_not() -> None:
    def calls(samples: tuple[str, ...]) -> Genotypes:
        dosages = np.zeros((1, len(samples)), dtype=np.int8)
        return Genotypes(samples, ("1",), np.array([5]), ("rs1",), ("A",), ("G",), dosages)

    assert kind(calls(("a", "b")), format_="vcf") == "individual-level"
    assert kind(calls(()), format_="vcf") == "aggregate"


def test_the_first_row_of_a_table_without_a_header_is_never_shown() -> None:
    sketch = ContentSketch()
    sketch.add(table({"1234567": IDS, "Female": ["Female", "Male"] * 25, "1950-03-02": ["1951-01-01"] * 50}))
    assert sketch.columns == ("column_1", "column_2", "column_3")
    words = ContentSketch()
    words.add(
        table({"Female": ["Male", "Female"], "Leeds": ["Leeds", "Bury"], "Never": ["Current", "Never"]})
    )
    assert words.columns == ("column_1", "column_2", "column_3")


def test_names_are_shown_but_one_that_holds_an_id_is_not() -> None:
    sketch = ContentSketch()
    sketch.add(
        table(
            {
                "eid": IDS,
                "31-0.0": ["1"] * 50,
                "dist_to_1234567": ["1"] * 50,
                "a@b.org": [""] * 50,
                "sex": ["0"] * 50,
            }
        )
    )
    assert sketch.columns == ("eid", "31-0.0", "column_3", "column_4", "sex")


@pytest.mark.parametrize(
    "name",
    ["31-0.0", "f.31.0.0", "f_31_0_0", "X31.0.0", "x31_0_0", "n_31_0_0", "p31", "p31_i0",
     "participant.p31_i0", "sex_f31_0_0"],
)  # fmt: skip
def test_all_spellings_of_a_field_are_one(name: str) -> None:
    assert read_name(name) == ("31", 0, 0)


def test_instance_and_array_are_read() -> None:
    assert read_name("p20002_i0_a3") == ("20002", 0, 3)
    assert read_name("Date of attending assessment centre | Instance 2") == (
        "dateofattendingassessmentcentre",
        2,
        0,
    )
    assert read_name("Body mass index (BMI)") == read_name("body_mass_index_bmi")


def test_values_in_a_program_are_rows_about_people_from_an_id_a_field_or_many_rows_on() -> None:
    """A test's table of twelve cases is code; one with ids is not, nor is one as long as a pasted frame."""
    name = f"x.py{WRITTEN_OUT}1"

    def values(rows: int) -> dict[str, list[str]]:
        return {
            "a": [str(n) for n in range(rows)],
            "b": [str(n % 7) for n in range(rows)],
            "c": ["1.5"] * rows,
        }

    code = Text("x.py", "import os\n")
    assert kind(code, table(values(12), name), format_="text", name="x.py") == "code"
    assert kind(code, table(values(40), name), format_="text", name="x.py") == "individual-level"
    with_ids = {"eid": IDS[:12], **values(12)}
    assert kind(code, table(with_ids, name), format_="text", name="x.py") == "individual-level"
    assert kind(table(values(12), "x.csv")) == "individual-level"


def test_a_line_a_value_of_a_person_is_no_dictionary() -> None:
    """Both have columns `variable` and `value`; a dictionary and a code list tell each of theirs once."""
    keys = [str(number) for number in range(40) for _ in range(4)]
    names = ["bmi", "age", "sex", "fev1"] * 40
    values = [f"{20 + (number * 7) % 13 / 4}" if number % 4 else str(number % 31) for number in range(160)]
    assert kind(table({"n": keys, "variable": names, "value": values})) == "individual-level"
    coding = {
        "variable": ["sex", "sex", "smoking", "smoking"],
        "value": ["0", "1", "0", "1"],
        "meaning": list("abcd"),
    }
    assert kind(table(coding)) == "documentation"
    fields = {
        "field": [str(n) for n in range(60)],
        "description": [f"What {n} is" for n in range(60)],
        "type": ["int"] * 60,
    }
    assert kind(table(fields)) == "documentation"
