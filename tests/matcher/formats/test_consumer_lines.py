"""One person's arrays: the compiled scanner takes the lines that the pattern takes, and no other."""

from __future__ import annotations

import random

from matcher.contents import Genotypes
from matcher.formats import consumer_array
from tests.matcher.formats.made import read_data

NAMES = ["rs12", "i5000", "rs.a:b-c_d", "7rs", "r", "ab", "a" * 41, "a" * 42, "#x", "Rs9"]
CHROMOSOMES = ["1", "22", "09", "X", "XY", "MT", "M", "PAR", "Y", "123", "Z", "", "9"]
POSITIONS = ["1", "1234567890", "12345678901", "12a", "", "55"]
CALLS = [
    "AA",
    "A",
    "AG",
    "--",
    "00",
    "DI",
    "II",
    "GA",
    "A,C",
    'A"\t"C',
    "AC ",
    "AN",
    "ACC",
    "A-",
    "-A",
    "TT\r",
    "C\t",
    'G"',
    "",
]


def block_of(choice: random.Random) -> bytes:
    lines = []
    for _ in range(choice.randint(1, 6)):
        quote, delimiter = choice.choice(["", "", '"']), choice.choice(["\t", ",", " ", "\t", ";"])
        cells = [choice.choice(one) for one in (NAMES, CHROMOSOMES, POSITIONS, CALLS)]
        if choice.random() < 0.7:  # most lines are nearly right
            cells = [choice.choice(["rs1", "rs22"]), choice.choice(["1", "X"]), "77", cells[3]]
        lines.append(
            choice.choice(["", "", " "]) + delimiter.join(f"{quote}{one}{quote}" for one in cells) + "\n"
        )
    return "".join(lines).encode()


def told(found: tuple[object, ...]) -> list[list[object]]:
    return [one.tolist() if hasattr(one, "tolist") else list(one) for one in found]  # type: ignore[call-overload]


def test_the_scanner_takes_the_lines_that_the_pattern_takes() -> None:
    choice, taken = random.Random(5), 0
    for _ in range(4_000):
        block = block_of(choice)
        scanned = told(consumer_array._plain(block))
        assert scanned == told(consumer_array._by_line(block)), block
        taken += len(scanned[0])
    assert taken > 2_000


def test_lines_with_other_letters_do_not_cost_their_neighbours() -> None:
    rows = [
        "# rsid, Gebäude build 37",
        "rs1\t1\t5\tAG",
        "rsé\t1\t6\tGG",
        "rs3\tX\t7\tT",
        "rs4\tMT\t8\t--",
        "rs5\t1\t9\tA-",
    ]
    (part,) = read_data(consumer_array, "someone.txt", "\n".join(rows).encode())
    assert isinstance(part, Genotypes)
    assert (part.samples, part.build, part.names) == (("someone",), "GRCh37", ("rs1", "rsé", "rs3", "rs5"))
    assert (part.chromosomes, part.positions.tolist()) == (("1", "1", "X", "1"), [5, 6, 7, 9])
    assert (part.alleles_a, part.alleles_b) == (("A", "G", "T", "A"), ("G", "", "", ""))
    assert part.dosages[:, 0].tolist() == [1, 0, 0, -1]


def test_chromosomes_in_any_order_are_kept() -> None:
    choice = random.Random(6)
    chromosomes = [choice.choice(["1", "2", "X", "01"]) for _ in range(1_000)]
    rows = "".join(f"rs{10 + at}\t{one}\t{at + 1}\tAC\n" for at, one in enumerate(chromosomes))
    (part,) = read_data(consumer_array, "x.txt", rows.encode())
    assert list(part.chromosomes) == chromosomes
