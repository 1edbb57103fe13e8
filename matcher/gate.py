"""The release gate: what may leave a research platform, and what an examined file breaks of it.

Pure computing over the answers of `examine`. The policy is the operator's; the default lets aggregates,
documentation, code and text leave and stops what holds participants, what could not be read, and what nobody can tell.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from matcher.verdict import Verdict, is_at_least

Rule = Literal["participants", "content", "unread"]

RULES: dict[Rule, str] = {
    "participants": "The file matches participants of a registered cohort.",
    "content": "Content of this kind may not leave.",
    "unread": "The file could not be read in full, so nobody can say that it may leave.",
}


@dataclass(frozen=True, slots=True)
class Policy:
    """What may leave."""

    contents: frozenset[str] = frozenset({"aggregate", "documentation", "code", "text"})
    """Kinds of content, in the contract's words."""
    stop_at: Verdict = "possible"
    """The weakest verdict that stops a file."""
    unread_may_leave: bool = False
    empty_may_leave: bool = True


@dataclass(frozen=True, slots=True)
class Breach:
    """One rule that one file breaks."""

    path: str
    rule: Rule
    says: str


def breaches(answer: dict[str, Any], policy: Policy) -> list[Breach]:
    """What one examined file breaks of the policy; empty where it may leave."""
    found: list[Breach] = []
    path = answer["path"]
    if is_at_least(answer["verdict"], policy.stop_at):
        people = max((match["participants_matched"] or 0 for match in answer["matches"]), default=0)
        cohorts = ", ".join(sorted({match["cohort"] for match in answer["matches"]}))
        found.append(Breach(path, "participants", f"{answer['verdict']}: {people} participants of {cohorts}"))
    if answer["skipped"] and not policy.unread_may_leave:
        found.append(Breach(path, "unread", f"not read in full: {answer['skipped']}"))
    elif answer["content"] not in policy.contents and not (policy.empty_may_leave and answer["bytes"] == 0):
        found.append(Breach(path, "content", f"{answer['content']}: {answer['content_reason']}"))
    return found


def sarif(found: Iterable[Breach], version: str) -> dict[str, Any]:
    """Breaches as SARIF 2.1.0, which code hosts and editors show beside the file."""
    return {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "cohortwatch",
                        "version": version,
                        "rules": [
                            {"id": rule, "shortDescription": {"text": text}} for rule, text in RULES.items()
                        ],
                    }
                },
                "results": [
                    {
                        "ruleId": one.rule,
                        "level": "error",
                        "message": {"text": one.says},
                        "locations": [{"physicalLocation": {"artifactLocation": {"uri": one.path}}}],
                    }
                    for one in found
                ],
            }
        ],
    }
