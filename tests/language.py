"""The terms of the project, held by a search: `python -m tests.language [FOLDER ...]` prints what says it otherwise.

It reads names (split at underscores and capitals), docstrings and comments of Python, texts that a program prints,
Markdown, and the English catalogs of the team's chats and of the console. A legitimate use is marked in its line, with
the reason: `# term: a quotation`, in Markdown and HTML `<!-- term: a quotation -->`. Patients' texts are exempt.
"""

import ast
import io
import re
import shutil
import subprocess
import sys
import tokenize
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parent.parent

# -- what is searched for

PHRASES = {
    r"anew": "again, or what happens instead",
    r"beside": "also, in addition to, next to",
    r"whoever|whomever": "name the person: the owner, the process, the caller",
    r"told|untold": "notified",
    r"stands|stands? in the way": "is",
    r"(is|are|was|were) over": "has expired, closed, ended",
    r"work(s|ed|ing)? off": "process",
    r"let(s|ting)? go( of)?": "release, drop",
    r"(give|gives|gave|given|giving) way": "release, merge into the pending one",
    r"(take|takes|took|taken|taking) (it |them |one |an alert |alerts )?up|has taken it": "acknowledge",
    r"moments?": "time, timestamp",
    r"mend(s|ed|ing)?": "fix",
    r"doors?": "route, endpoint",
    r"weather": "transport failure",
    r"by hand of": "by",
    r"made[- ]up": "sample, demo",
    r"pass(es|ed|ing)? over": "skip",
    r"loop[- ]backs?": "safety follow-up",
    r"in the air": "in flight",
    r"(in|into|at) hand": "claimed, in flight, processed",
    r"second road": "other channel",
    r"coordinator items?": "task",
    r"(strike|strikes|struck|striking) off": "discard",
    r"after all": "retry; say what happens",
    r"(take|takes|took|taken|taking) (its|their|the) place": "replace, supersede",
    r"overt(ake|akes|ook|aken|aking)": "supersede",
    r"wind(s|ing)? up": "end participation",
    r"(bury|buried|buries|burying)": "dead-letter",
    r"own plan": "plan override",
    r"verdicts?": "outcome",
    r"snooz(e|es|ed|ing)|expected symptoms?": "agreed level",
    r"work items?": "task",
    r"(on|off) duty": "on call",
}  # fmt: skip
"""A phrase in prose (whole words, any case) and what to write."""

NAMES = {
    r"anew|beside|whoever|told|untold|weather|verdicts?|overtak(e|en|es|ing)|overtook": "see the terms",
    r"moments?": "at, time, timestamp",
    r"mend(s|ed|ing)?|doors?|stands": "fix; route; is",
    r"loop backs?": "safety follow-up",
    r"taken (by|at)|take by": "owner, acknowledged_at, acknowledge_by",
    r"staff step|next step at": "next_escalation_at, next_patient_prompt_at, next_action_at",
    r"own plan": "plan override",
    r"(un)?expect(ed|ing)? symptoms?": "agreed level",
    r"passed over|pass over": "skipped",
    r"pace[sd]?": "rate limit",
    r"made up|invented": "sample, demo",
    r"give way|let go|worked off|work off|in hand|in the air|flying|wind up|strike": "see the terms",
    r"number column|rid": "SQLAlchemy's words, row_id",
    r"said at": "hint_sent_at",
    r"snoozes?": "agreed level",
    r"work items?": "task",
    r"duty": "on call, shift",
    r"office|timekeeper": "command context, clock sync",
    r"(take|takes|taken|taking|took)( it)? up": "acknowledge",
    r"(take|takes|taken|taking|took) (a|the|its|their) place": "replace, supersede",
    r"(gives?|gave) way": "release, merge into the pending one",
    r"tells? (nobody|of)|is over": "notify; expired, closed",
}  # fmt: skip
"""The same in a name, its parts with a space between them."""

PROSE = re.compile("|".join(rf"(?P<p{n}>\b(?:{phrase})\b)" for n, phrase in enumerate(PHRASES)), re.IGNORECASE)
NAME = re.compile("|".join(rf"(?P<n{n}>\b(?:{phrase})\b)" for n, phrase in enumerate(NAMES)))
INSTEAD = [*PHRASES.values()]
INSTEAD_OF_NAME = [*NAMES.values()]
MARK = re.compile(r"(#|<!--|//) ?term: ?\S")

# -- where

SEARCHED = ("bot/", "tests/", "migrations/", "deploy/", "Makefile", "README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md")  # fmt: skip
EXEMPT = ("bot/content/", "tests/language.py", "tests/test_language.py", "tests/content/", "deploy/rules.md")
READ = (".py", ".md", ".html", ".j2", "Makefile")
CATALOGS = ("bot/content/locales/en/console.po", "bot/content/locales/en/team.po")


class Finding(NamedTuple):
    """Where something is said otherwise, what, and what to write."""

    path: str
    line: int
    what: str
    instead: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.what!r}: {self.instead}"


def findings(paths: Iterable[Path]) -> list[Finding]:
    """Return all findings in these files."""
    return [each for path in paths for each in of_file(path.relative_to(ROOT).as_posix(), path.read_text("utf-8"))]


def of_file(name: str, text: str) -> Iterator[Finding]:
    """Yield the findings of one file in order of its lines, marked ones left out."""
    lines = text.splitlines()
    seen = set()
    for line, what, instead in sorted(_of_text(name, text)):
        marked = any(MARK.search(lines[n - 1]) for n in (line, line - 1) if 0 < n <= len(lines))
        if not marked and (line, what.lower()) not in seen:
            seen.add((line, what.lower()))
            yield Finding(name, line, what, instead)


def _of_text(name: str, text: str) -> Iterator[tuple[int, str, str]]:
    if name.endswith(".py"):
        yield from _of_python(text, printed=not name.startswith("tests/"))
    elif name.endswith(".po"):
        yield from _of_catalog(text)
    else:
        yield from _in_prose(1, text if not name.endswith(".md") else _without_code(text))


def _of_python(text: str, *, printed: bool) -> Iterator[tuple[int, str, str]]:
    documented = set(_docstrings(ast.parse(text)))
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        line = token.start[0]
        if token.type == tokenize.COMMENT:
            yield from _in_prose(line, token.string)
        elif token.type == tokenize.NAME:
            yield from _in_name(line, token.string)
        elif token.type == tokenize.STRING and (line in documented or (printed and " " in token.string)):
            yield from _in_prose(line, _without_code(token.string))
        elif token.type == getattr(tokenize, "FSTRING_MIDDLE", -1) and printed:
            yield from _in_prose(line, token.string)


def _docstrings(tree: ast.AST) -> Iterator[int]:
    """Yield the lines at which strings begin that are statements: docstrings of names too."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            yield node.lineno


def _without_code(text: str) -> str:
    """Blank what is between backticks or in a fence: names of what exists, and commands."""
    return re.sub(
        r"```.*?```|``.*?``|`[^`\n]*`", lambda found: re.sub(r"[^\n]", " ", found.group()), text, flags=re.DOTALL
    )


def _of_catalog(text: str) -> Iterator[tuple[int, str, str]]:
    said = False
    for number, line in enumerate(text.splitlines(), 1):
        said = line.startswith("msgstr") or (said and line.startswith('"'))
        if said or line.startswith("#"):
            yield from _in_prose(number, line)


def _in_prose(line: int, text: str) -> Iterator[tuple[int, str, str]]:
    # A phrase may be broken by the end of a line.
    flat = re.sub(r"\s", lambda found: found.group() if found.group() == " " else "\x1e", text)
    joined = re.sub(r" *\x1e *(# ?)?", lambda found: " " * len(found.group()), flat)
    for found in PROSE.finditer(re.sub(r" {2,}", " ", joined)):
        start = _place(joined, text, found)
        yield line + start, found.group(), INSTEAD[int(str(found.lastgroup)[1:])]


def _place(joined: str, text: str, found: re.Match[str]) -> int:
    """Return how many lines below the beginning of the text a match of its joined form is."""
    before, seen = found.start(), 0
    for index, letter in enumerate(joined):
        if seen == before and not (letter == " " and index and joined[index - 1] == " "):
            return text.count("\n", 0, index)
        seen += not (letter == " " and index and joined[index - 1] == " ")
    return text.count("\n")


def _in_name(line: int, name: str) -> Iterator[tuple[int, str, str]]:
    parts = " ".join(re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+", name)).lower()
    for found in NAME.finditer(parts):
        yield line, name, INSTEAD_OF_NAME[int(str(found.lastgroup)[1:])]


def searched(folders: Iterable[str] = ()) -> list[Path]:
    """Return the files that are held to the terms, of these folders and files alone if any are named."""
    git = shutil.which("git") or "git"
    names = subprocess.run([git, "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True, text=True).stdout
    wanted = tuple(folders)
    found = []
    for name in names.split("\0"):
        held = name in CATALOGS or (name.endswith(READ) and name.startswith(SEARCHED) and not name.startswith(EXEMPT))
        if held and name.startswith(wanted or "") and (ROOT / name).is_file():
            found.append(ROOT / name)
    return found


if __name__ == "__main__":
    everything = findings(searched(sys.argv[1:]))
    sys.stdout.write("".join(f"{each}\n" for each in everything) + f"{len(everything)} found\n")
    sys.exit(bool(everything))
