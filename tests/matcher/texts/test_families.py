"""Copies of one listing are one family; listings of one template are not."""

from __future__ import annotations

from pathlib import Path

from matcher.contents import Text
from matcher.sketches import EnrolledCohort
from matcher.texts import near_copies
from matcher.texts.enrol import enrol_texts
from matcher.texts.families import are_copies, signature, similarity
from tests.matcher.tables.made import KEYS

ENGLISH = (
    "Complete biobank phenotype tables, collected over many years at twenty-two centres. Files come as text with a"
    " dictionary for every field. Contact @seller_one for a sample before you pay. Price: $450 via link."
)
CHINESE = (
    "英国生物样本库全套表型数据,包含五十万参与者的基线与随访资料,附数据字典和字段说明,"
    "网盘发货,拍下自动发送,加微信abc12345,价格399元。"
)


def test_a_relist_with_another_handle_and_price_is_one_family() -> None:
    relist = ENGLISH.replace("@seller_one", "@other_shop").replace("$450", "$300").upper()
    assert are_copies(signature(ENGLISH), signature(relist))


def test_a_chinese_relist_in_the_other_script_is_one_family() -> None:
    relist = (
        CHINESE.replace("399元", "288元")
        .replace("abc12345", "zyx98765")
        .replace("数据", "數據")
        .replace("价格", "價格")
    )
    assert are_copies(signature(CHINESE), signature(relist))


def test_reordered_sentences_are_still_one_family() -> None:
    first, second, *rest = ENGLISH.split(". ")
    assert are_copies(signature(ENGLISH), signature(". ".join([second, *rest, first])))


def test_other_listings_and_translations_are_not() -> None:
    other = "Second-hand bicycle, blue, good tyres, collected in town. Price: $45, contact @seller_one."
    assert similarity(signature(ENGLISH), signature(other)) < 0.3
    assert similarity(signature(ENGLISH), signature(CHINESE)) < 0.1


def test_a_text_too_short_has_no_family() -> None:
    assert signature("data") == b""
    assert not are_copies(b"", b"")


def test_a_copy_of_a_cohorts_readme_is_possible_at_most(tmp_path: Path) -> None:
    words = (
        "This release holds baseline measurements of participants who attended one of the assessment centres. "
        * 3
    )
    readme = tmp_path / "readme.txt"
    readme.write_text(
        words
        + "Fields are described in the dictionary, codings in a file of their own, see the showcase for details."
    )
    enrol_texts(tmp_path, "c", "Northern Cohort Study", documents=[readme])
    cohort = EnrolledCohort("c", 10, tmp_path)

    def odds(text: str) -> float:
        one = near_copies.sketch(KEYS)
        one.add(Text("t", text))
        return sum(evidence.log10_odds for evidence in near_copies.compare(one, cohort, KEYS))

    assert 2 < odds("copy\n" + readme.read_text()) < 4
    assert (
        odds(
            "A wholly other text about gardening, roses and their many kinds, and how to keep them in winter. "
            * 4
        )
        == 0
    )
