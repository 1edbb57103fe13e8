"""How values look: probabilities in words, and text from outside that cannot play tricks."""

from __future__ import annotations

import pytest
from markupsafe import Markup

from takedown.console.pictures import odds_bar, recheck_strip, share_bar
from takedown.console.shown import harmless, odds, one_in, span, web_address


@pytest.mark.parametrize(
    ("probability", "words"),
    [
        (3.1e-14, "under 1 in 10¹²"),
        (4.0e-9, "1 in 250 million"),
        (1e-3, "1 in 1,000"),
        (0.04, "1 in 25"),
        (3.1e-11, "1 in 32 billion"),
        (0.0, "under 1 in 10¹²"),
        (1.0, "100%"),
        (None, "–"),
    ],
)
def test_a_probability_is_told_in_words(probability: float | None, words: str) -> None:
    assert one_in(probability) == words


def test_odds_are_told_as_so_many_to_one() -> None:
    assert odds(41.2) == "over 10¹² to 1"
    assert odds(8.5) == "10⁸·⁵ to 1"
    assert odds(2) == "100 to 1"
    assert odds(-2) == "1 to 100"


def test_characters_that_turn_or_hide_text_are_shown_by_their_code() -> None:
    assert harmless("invoice\u202egpj.exe") == "invoice‹U+202E›gpj.exe"
    assert harmless("a\u200bb\x00c") == "a‹U+200B›b‹U+0000›c"
    assert harmless("two\nlines") == "two\nlines"
    assert harmless("英国生物样本库 é ü") == "英国生物样本库 é ü"
    assert harmless(Markup("<b>ours</b>")) == "<b>ours</b>"


@pytest.mark.parametrize(
    "value",
    [
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        "data:text/html,<script>1</script>",
        "//evil.example",
        "https:",
        " https://x.example",
        "https://x.example/\u202e",
        "http://[bad",
        "",
        None,
    ],
)
def test_only_whole_web_addresses_become_links(value: str | None) -> None:
    shown = web_address(value)
    assert shown is None or shown.startswith("https://x.example") or value == " https://x.example"


def test_a_web_address_becomes_a_link() -> None:
    assert web_address("https://github.com/a/b") == "https://github.com/a/b"


def test_a_duration_is_told_in_its_useful_unit() -> None:
    assert [span(one) for one in (5, 840, 7200, 70 * 3600, 17 * 86400)] == [
        "5 s",
        "14 min",
        "2 h",
        "70 h",
        "17 d",
    ]


def test_pictures_hold_numbers_only_and_no_inline_style() -> None:
    for picture in (
        odds_bar(1e9),
        odds_bar(-3),
        share_bar(3, 4),
        recheck_strip([{"whereabouts": "up"}] * 99),
    ):
        assert "style=" not in picture
        assert picture.startswith("<svg")
    assert share_bar(None, 5) == ""
