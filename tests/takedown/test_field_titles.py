"""Letters give a field's title beside its name, from the cohort's own dictionary and from nothing that was found."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
from sqlmodel import Session

from config.parties import sender_of
from config.settings import read_settings
from config.workspace import Workspace
from takedown import cases, notices
from takedown.errors import BadDictionary
from takedown.field_titles import read_titles, titled
from tests.takedown.leak import BUNDLE, NUMBER, SENDER, add_leak, engine_at, log_at, match

SHOWCASE = (
    "Path\tFieldID\tField\nBasics\t31\tSex\nBody\t21001\tBody mass index (BMI)\nOther\t90\tCoding 1234567\n"
)


@pytest.fixture
def titles(tmp_path: Path) -> dict[str, str]:
    (tmp_path / "fields.tsv").write_text(SHOWCASE, encoding="utf-8")
    return read_titles(tmp_path / "fields.tsv")


@pytest.mark.parametrize(
    "column",
    ["31-0.0", "f.31.0.0", "f_31_0_0", "X31.0.0", "x31_0_0", "n_31_0_0", "p31", "p31_i0", "participant.p31_i0"],
)  # fmt: skip
def test_a_field_is_known_however_it_is_spelt(titles: dict[str, str], column: str) -> None:
    assert titled(column, titles) == f"{column} (Sex)"


@pytest.mark.parametrize("column", ["sex", "x31", "p310", "PC31", "90-0.0", "f.31", ""])
def test_what_is_no_field_of_the_dictionary_gets_no_title(titles: dict[str, str], column: str) -> None:
    assert titled(column, titles) == column


@pytest.mark.parametrize(
    "text",
    [
        "field_id,title\n31,Sex\n",
        "entity,name,title\nparticipant,p31,Sex\n",
        '"Variable / Field Name","Form Name","Field Label"\np31,basics,Sex\n',
        "\ufeffname,label\r\nP31,Sex\r\n",
        "name,title\np31,\"Se\x1bx\u202e\"\n",
    ],
)  # fmt: skip
def test_dictionaries_of_several_makers_are_read(tmp_path: Path, text: str) -> None:
    (tmp_path / "d.csv").write_text(text, encoding="utf-8")
    assert titled("p31_i0", read_titles(tmp_path / "d.csv")).startswith("p31_i0 (Se")
    assert titled("p31_i0", read_titles(tmp_path / "d.csv")).isprintable()


@pytest.mark.parametrize("text", ["", "a,b\n1,2\n", "name\np31\n"])
def test_a_table_that_is_no_dictionary_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "d.csv").write_text(text, encoding="utf-8")
    with pytest.raises(BadDictionary, match="name and title"):
        read_titles(tmp_path / "d.csv")


def test_what_cannot_be_read_is_refused(tmp_path: Path) -> None:
    (tmp_path / "d.csv").write_bytes(b"name,title\np31,\xff\xfe\n")
    for name in ("d.csv", "none.csv", "."):
        with pytest.raises(BadDictionary, match="cannot be read"):
            read_titles(tmp_path / name)


@pytest.mark.parametrize("cohort", ["ukx", "other"])
def test_a_letter_gives_titles_of_its_own_cohort_alone(
    tmp_path: Path, titles: dict[str, str], cohort: str
) -> None:
    engine, log = engine_at(tmp_path), log_at(tmp_path)
    answer = {"content": "individual-level", "columns": ["31-0.0", "p21001_i0", "mine"], "match": {}}
    with Session(engine) as session:
        add_leak(session)
        session.add(match(BUNDLE, answer=answer))
        session.flush()
        cases.open_cases(session, log=log)
        sender = replace(SENDER, titles={cohort: titles})
        made = notices.draft(session, NUMBER, author="cohortwatch", sender=sender, log=log)
        text = " ".join(made[0].body.decode().split())
        said = "31-0.0 (Sex), p21001_i0 (Body mass index (BMI)), mine."
        assert f"with the fields {said if cohort == 'ukx' else '31-0.0, p21001_i0, mine.'}" in text
        assert all(row["present"] for row in notices.check(session, made[0].id or 0))
    engine.dispose()


def test_the_settings_name_the_dictionary(tmp_path: Path) -> None:
    (tmp_path / "fields.tsv").write_text(SHOWCASE, encoding="utf-8")
    given = [f'{name} = "{said}"' for name, said in asdict(SENDER).items() if isinstance(said, str)]
    text = "\n".join(["[sender]", *given, "[dictionaries]", 'ukx = "fields.tsv"'])
    (tmp_path / "settings.toml").write_text(text, encoding="utf-8")
    signs = sender_of(cast(Workspace, SimpleNamespace(settings=read_settings(tmp_path))))
    assert signs is not None
    assert signs.titles["ukx"]["31"] == "Sex"
    assert set(signs.slots()) == set(SENDER.slots())
