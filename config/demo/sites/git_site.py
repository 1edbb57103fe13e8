"""A git server that nobody here wrote: klaus, over a folder of bare repositories."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any


class GitSite:
    """Repositories under one namespace; a hidden one answers 404 until it is shown again."""

    def __init__(self, folder: Path, name: str = "git.example") -> None:
        self.folder, self.name = folder, name
        self.hidden: set[str] = set()

    def app(self, _address: str) -> Callable[..., Iterable[bytes]]:
        import klaus

        pages: Any = klaus.make_app(
            [str(one) for one in sorted(self.folder.iterdir())], self.name, use_smarthttp=True
        )

        def answer(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
            first = str(environ["PATH_INFO"]).strip("/").partition("/")[0]
            if first in self.hidden:
                start("404 Not Found", [("Content-Type", "text/plain")])
                return [b"There is no such repository."]
            given: Iterable[bytes] = pages(environ, start)
            return given

        return answer
