"""One frame in the many forms in which people publish it: texts, scripts, documents, other shapes."""

from __future__ import annotations

import io
import json
from collections.abc import Callable

import pandas as pd
import polars as pl

Form = Callable[[pl.DataFrame], bytes]
_DAYS = "53-0.0"
_WORDS = (_DAYS, "41270-0.0")


def _csv(frame: pl.DataFrame, delimiter: str = ",", *, header: bool = True) -> str:
    return frame.write_csv(separator=delimiter, include_header=header)


def _rows(frame: pl.DataFrame) -> list[tuple[str, ...]]:
    return [tuple(frame.columns), *frame.rows()]


def _renamed(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.rename({name: f"v{number}" for number, name in enumerate(frame.columns)})


def _numbers(frame: pl.DataFrame) -> pl.DataFrame:
    """The same with numbers as numbers."""
    return frame.with_columns(pl.exclude(_WORDS).cast(pl.Float64, strict=False))


def _written(frame: pl.DataFrame, number: str, delimiter: str = ",") -> bytes:
    """Numbers in one way of writing them."""
    lines = [delimiter.join(frame.columns)]
    for row in _numbers(frame).rows():
        cells = [format(one, number) if isinstance(one, float) else one or "" for one in row]
        lines.append(delimiter.join(cells))
    return "\n".join(lines).encode()


def _in_excel(frame: pl.DataFrame, **placed: int) -> bytes:
    out = io.BytesIO()
    frame.to_pandas().to_excel(out, index=False, **placed)
    return out.getvalue()


def _in_parquet(frame: pl.DataFrame) -> bytes:
    out = io.BytesIO()
    _numbers(frame).write_parquet(out)
    return out.getvalue()


def _nested(frame: pl.DataFrame) -> str:
    people = [
        {"id": number, "baseline": dict(list(row.items())[:5]), "labs": dict(list(row.items())[5:])}
        for number, row in enumerate(frame.to_dicts())
    ]
    return json.dumps({"data": {"participants": people}})


def _in_r(frame: pl.DataFrame) -> str:
    columns = []
    for number, name in enumerate(frame.columns):
        cells = [repr(cell) if name in _WORDS else cell or "NA" for cell in frame[name].to_list()]
        columns.append(f"  v{number} = c({', '.join(cells)})")
    return "d <- data.frame(\n" + ",\n".join(columns) + ")\n"


def _tribble(frame: pl.DataFrame) -> str:
    names = ", ".join(f"~`{name}`" for name in frame.columns)
    return (
        f"d <- tribble({names},\n"
        + ",\n".join(", ".join(map(json.dumps, row)) for row in frame.rows())
        + ")\n"
    )


def _boxed(frame: pl.DataFrame, rule: str) -> str:
    lines = [" | ".join(cell.ljust(12) for cell in row) for row in _rows(frame)]
    return "\n".join([lines[0], rule.join(["-" * 13] * frame.width), *lines[1:]]) + "\n(60 rows)\n"


def _in_a_wiki(frame: pl.DataFrame, between: str) -> str:
    head, *rows = _rows(frame)
    lines = "".join(f"|-\n| {between.join(row)}\n" for row in rows)
    return f'== Values ==\n{{| class="wikitable"\n|+ Participants\n|-\n! {" !! ".join(head)}\n{lines}|}}\n'


def _paired(frame: pl.DataFrame, quote: str = "", between: str = " ") -> str:
    """A record a line; what is missing is left out."""
    return "".join(
        between.join(f"{name}={quote}{cell}{quote}" for name, cell in row.items() if cell) + "\n"
        for row in frame.to_dicts()
    )


def _in_libsvm(frame: pl.DataFrame) -> str:
    rows = frame.select(pl.exclude(_WORDS)).rows()
    lines = (" ".join(f"{at}:{cell}" for at, cell in enumerate(row, 1) if cell) for row in rows)
    return "".join(f"{number % 2} {line}\n" for number, line in enumerate(lines))


FORMS: dict[str, Form] = {
    "as it is": lambda frame: _csv(frame).encode(),
    "no header": lambda frame: _csv(frame, header=False).encode(),
    "renamed": lambda frame: _csv(_renamed(frame)).encode(),
    "mark": lambda frame: b"\xef\xbb\xbf" + _csv(frame).encode(),
    "ends of Windows": lambda frame: _csv(frame).replace("\n", "\r\n").encode(),
    "ends of old Macs": lambda frame: _csv(frame).replace("\n", "\r").encode(),
    "utf-16": lambda frame: _csv(frame).encode("utf-16"),
    "utf-16 without its mark": lambda frame: _csv(frame).encode("utf-16-be"),
    "quoted": lambda frame: frame.write_csv(quote_style="always").encode(),
    "decimal commas": lambda frame: _csv(frame, ";").replace(".", ",").encode(),
    **{
        f"delimiter {ord(sign)}": lambda frame, sign=sign: _csv(frame, sign).encode()  # type: ignore[misc]
        for sign in "\t;|^~:\x01"
    },
    "two bars": lambda frame: _csv(frame, "|").replace("|", "||").encode(),
    "padded": lambda frame: "\n".join(", ".join(row) for row in _rows(frame)).encode(),
    "missing is NA": lambda frame: _csv(frame.with_columns(pl.all().replace("", "NA"))).encode(),
    "remarks above": lambda frame: b"# exported 2020\n# by me\n" + _csv(frame).encode(),
    "title above": lambda frame: b"Supplementary Table 3\n\n" + _csv(frame).encode(),
    "notes below": lambda frame: _csv(frame).encode() + b"\nTotal,,,\nNote: values as measured\n",
    "numbered rows": lambda frame: frame.to_pandas().to_csv().encode(),
    "delimiter at the end": lambda frame: _csv(frame).replace("\n", ",\n").encode(),
    "printed": lambda frame: frame.to_pandas().to_string().encode(),
    "printed without numbers": lambda frame: frame.to_pandas().to_string(index=False).encode(),
    "fixed width": lambda frame: "\n".join("".join(c.ljust(12) for c in row) for row in _rows(frame)).encode(),
    "exponents": lambda frame: _written(frame, "e"),
    "four digits": lambda frame: _written(frame, ".4g"),
    "thousands": lambda frame: _written(frame, ",.2f", ";"),
    "records": lambda frame: json.dumps(frame.to_dicts()).encode(),
    "columns": lambda frame: json.dumps(frame.to_dict(as_series=False)).encode(),
    "lines of records": lambda frame: frame.write_ndjson().encode(),
    "split": lambda frame: frame.to_pandas().to_json(orient="split").encode(),
    "values": lambda frame: frame.to_pandas().to_json(orient="values").encode(),
    "by index": lambda frame: frame.to_pandas().to_json(orient="index").encode(),
    "by column and index": lambda frame: frame.to_pandas().to_json().encode(),
    "nested": lambda frame: _nested(frame).encode(),
    "html": lambda frame: frame.to_pandas().to_html().encode(),
    "markdown": lambda frame: (
        "\n".join(
            f"| {' | '.join(row)} |" for row in [*_rows(frame)[:1], ("---",) * frame.width, *frame.rows()]
        ).encode()
    ),
    "latex": lambda frame: (
        b"\\begin{tabular}{l}\n"
        + " \\\\\n".join(" & ".join(row) for row in _rows(frame)).encode()
        + b" \\\\\n\\end{tabular}\n"
    ),
    "MediaWiki": lambda frame: _in_a_wiki(frame, " || ").encode(),
    "MediaWiki, a cell a line": lambda frame: _in_a_wiki(frame, "\n| ").encode(),
    "pairs": lambda frame: _paired(frame).encode(),
    "pairs between commas": lambda frame: _paired(frame, between=", ").encode(),
    "logfmt": lambda frame: _paired(frame, '"').encode(),
    "libsvm": lambda frame: _in_libsvm(frame).encode(),
    "psql": lambda frame: _boxed(frame, "+").encode(),
    "python dict": lambda frame: f"d = pd.DataFrame({frame.to_dict(as_series=False)!r})\n".encode(),
    "python rows": lambda frame: f"rows = {frame.rows()!r}\n".encode(),
    "python text": lambda frame: f'data = """{_csv(frame)}"""\n'.encode(),
    "R data.frame": lambda frame: _in_r(frame).encode(),
    "R tribble": lambda frame: _tribble(frame).encode(),
    "JavaScript": lambda frame: f"const rows = {json.dumps(frame.rows())};\nexport default rows;\n".encode(),
    "SAS cards": lambda frame: (
        "data a;\ninput v1-v10;\ncards;\n"
        + "\n".join(" ".join(cell or "." for cell in row) for row in frame.rows())
        + "\n;\nrun;\n"
    ).encode(),
    "SQL": lambda frame: "\n".join(f"INSERT INTO t VALUES {row!r};" for row in frame.rows()).encode(),
    "YAML": lambda frame: "\n".join(
        "- " + "\n  ".join(f'"{name}": "{cell}"' for name, cell in row.items()) for row in frame.to_dicts()
    ).encode(),
    "ARFF": lambda frame: (
        "@relation x\n"
        + "".join(f"@attribute v{number} string\n" for number in range(frame.width))
        + "@data\n"
        + _csv(frame, header=False)
    ).encode(),
    "on its side": lambda frame: _csv(frame.transpose(include_header=True), header=False).encode(),
    "a line a cell": lambda frame: _csv(frame.with_row_index("n").unpivot(index="n")).encode(),
    "xlsx": _in_excel,
    "xlsx, placed": lambda frame: _in_excel(frame, startrow=6, startcol=3),
    "parquet": _in_parquet,
    "xml": lambda frame: pd.DataFrame(_renamed(frame).to_dict(as_series=False)).to_xml().encode(),
}  # fmt: skip
"""Forms of a frame of text cells, each told by what is in it; names of files say nothing."""

ID_FORMS: dict[str, Callable[[list[str]], str]] = {
    "lines": "\n".join,
    "one line": ",".join,
    "a list": lambda ids: f"x = {ids!r}",
    "R integers": lambda ids: f"c({', '.join(f'{one}L' for one in ids)})",
    "floats": lambda ids: "\n".join(f"{one}.0" for one in ids),
    "exponents": lambda ids: "\n".join(f"{int(one):.6e}" for one in ids),
    "leading zeros": lambda ids: "\n".join(f"0{one}" for one in ids),
    "behind letters": lambda ids: "\n".join(f"ukb{one}" for one in ids),
    "behind a mark": lambda ids: "\n".join(f"ID_{one}" for one in ids),
    "twice": lambda ids: "\n".join(f"{one}_{one}" for one in ids),
    "names of files": lambda ids: "\n".join(f"/data/{one}_20227_2_0.zip" for one in ids),
    "addresses": lambda ids: "\n".join(f"https://example.org/p?eid={one}&x=1" for one in ids),
    "keys of JSON": lambda ids: json.dumps(dict.fromkeys(ids, 1)),
    "a difference": lambda ids: "\n".join(f"-{one},1,3" for one in ids),
    "a log": lambda ids: "\n".join(f"Warning: {one} {one} removed" for one in ids),
    "attributes": lambda ids: "<r>" + "".join(f'<p id="{one}"/>' for one in ids) + "</r>",
}
