"""What a listing offers, and whose data; what sells teaching or published results is left alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from matcher.contents import Text
from matcher.sketches import EnrolledCohort
from matcher.texts.enrol import enrol_texts
from matcher.texts.listing import read_offer
from matcher.texts.offers import compare, sketch
from tests.matcher.tables.made import KEYS

DATA = [
    (
        "UK Biobank full dataset 500,000 participants",
        "Raw phenotype data and genotypes. Instant delivery by Google Drive. Price: $1,200",
    ),
    ("UKB数据 全套数据 50万人 表型数据 基因数据", "英国生物样本库,网盘发货,拍下秒发。价格 ¥399"),
    ("英国生物银行UKB代提取 表型数据", "数据提取,百度网盘自动发货,299元,联系客服"),
    ("英國生物樣本庫 全套數據", "網盤發貨 自動發貨 需要的私聊 500元"),
    (
        "UK Biobank phenotype data 2,000 fields",
        "Complete dataset, individual-level, sent by link after payment. 350 USD",
    ),
]
ACCESS = [
    (
        "UKB RAP account sharing",
        "Shared account with approved application, login credentials. Price 200 USD per month",
    ),
    ("UKB账号共享 申请号 挂靠", "英国生物样本库平台账号出租,合租,每月 800元"),
]
TUITION = [
    (
        "UK Biobank data analysis course",
        "12 video lectures for beginners, step by step tutorial, certificate. $99",
    ),
    ("UKB数据库挖掘课程 零基础入门", "视频课+答疑+代码讲解,网盘发货 199元"),
    ("英国生物样本库 UKB 申请指导", "论文辅导,思路,一对一带教,不提供数据。999元"),
    ("UKB 代分析 统计服务", "数据分析服务,论文辅导,指导,价格私聊"),
]
OTHER = [
    ("UK Biobank GWAS summary statistics", "Published summary statistics, GWAS catalog, free download link, doi."),
    ("Researchers report new findings", "According to a journal article, UK Biobank shows it. The authors conclude."),
    ("UK Biobank for sale, says the news", "Journalists reported a full dataset. The article says 5,000 USD."),
    ("UK Biobank data dictionary", "Codebook and showcase listing of all fields. Published online."),
    ("Used bicycle", "Good condition, price 100 USD"),
    ("孟德尔随机化 UKB 汇总数据", "gwas汇总 论文 发表,汇总统计,免费"),
]  # fmt: skip


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> EnrolledCohort:
    folder = tmp_path_factory.mktemp("ukb")
    enrol_texts(folder, "ukb", "UK Biobank")
    return EnrolledCohort("ukb", 500_000, folder)


def odds(cohort: EnrolledCohort, text: str) -> float:
    one = sketch(KEYS)
    one.add(Text("listing", text))
    return sum(evidence.log10_odds for evidence in compare(one, cohort, KEYS))


@pytest.mark.parametrize(
    ("kind", "listing"), [(k, one) for k, many in (("data", DATA), ("access", ACCESS)) for one in many]
)
def test_an_offer_of_this_cohort_is_probable(
    cohort: EnrolledCohort, kind: str, listing: tuple[str, str]
) -> None:
    assert read_offer(*listing).kind == kind
    assert 4 < odds(cohort, "\n".join(listing)) < 9


@pytest.mark.parametrize(
    ("kind", "listing"), [(k, one) for k, many in (("tuition", TUITION), ("other", OTHER)) for one in many]
)
def test_teaching_and_published_results_get_nothing(
    cohort: EnrolledCohort, kind: str, listing: tuple[str, str]
) -> None:
    assert read_offer(*listing).kind == kind
    assert odds(cohort, "\n".join(listing)) == 0


def test_an_offer_of_another_cohort_is_not_about_this_one(cohort: EnrolledCohort) -> None:
    assert odds(cohort, "FinnGen full dataset\nraw data, instant delivery, 500 USD") == 0


def test_a_name_with_other_meanings_is_at_most_possible(tmp_path: Path) -> None:
    enrol_texts(tmp_path, "share", "SHARE")
    cohort = EnrolledCohort("share", 1000, tmp_path)
    listing = "I share a dataset for sale\nraw data of shops, instant download, 20 USD"
    assert 0 < odds(cohort, listing) < 4
    assert odds(cohort, listing + " easySHARE release 9") > 4


def test_a_script_with_such_words_is_no_offer(cohort: EnrolledCohort) -> None:
    script = (
        "# UK Biobank raw data\nimport os\nimport sys\nfrom pathlib import Path\nprice = '$100'  # for sale\n"
    )
    assert odds(cohort, script) == 0


def test_price_size_and_delivery_are_taken_out() -> None:
    offer = read_offer("UKB数据 50万人", "全套数据 2.5TB 网盘发货 ¥399.00")
    assert offer.price == "399.00 ¥"
    assert offer.size_claimed == "500,000 人"
    assert "网盘" in offer.delivery[0]
    assert "ukb" in offer.cohort_words
    assert offer.reasons


@pytest.mark.parametrize(
    "odd", ["", "\x00" * 10, "9" * 100_000, "$" * 1000, "data " * 20_000, "¥1.2.3.4", "🎉" * 500]
)
def test_odd_listings_are_survived(cohort: EnrolledCohort, odd: str) -> None:
    read_offer(odd, odd)
    assert odds(cohort, odd) == 0
