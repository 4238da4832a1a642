"""Hiding secrets in everything a job prints (SEMANTICS 16.7 to 16.10)."""

import re
from collections.abc import Iterable, Iterator

from ahocorasick_rs import AhoCorasick, Implementation

from quaymaster.runner.secret_forms import forms_of

MASK = "***"
# SEMANTICS 16.9: a demand for longer secrets than this counts as this.
LARGEST_MINIMUM = 6
# So many secrets, each the end of the next, would give that many finds for every character.
MOST_NESTED = 12

ESCAPE = "\x1b"
_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\^_])")
_PASSWORD_IN_URL = re.compile(r"""//[^\s/?#:"<>]*:(?P<password>[^\s/?#"<>]+)@""")


class Masker:
    """Replaces registered secrets, in all their forms, and passwords in URLs by `***`.

    Matches that overlap or touch become one mask. Time grows with the text alone, however many
    secrets there are: all are searched for in one pass.
    """

    def __init__(self, minimum_length: int = 0, *, line_by_line: bool = True) -> None:
        """`minimum_length`: secrets of fewer characters are not masked; 6 is the most.

        `line_by_line`: the lines of a secret of several are masked where they stand alone, too.
        """
        self._line_by_line = line_by_line
        self._minimum_length = min(minimum_length, LARGEST_MINIMUM)
        self._secrets: set[str] = set()
        self._forms: set[str] = set()
        self._search: AhoCorasick | None = None
        self._is_nested = False
        self._has_stars = False
        self._longest = 0

    def __repr__(self) -> str:
        return f"Masker({len(self._secrets)} secrets)"

    @property
    def longest(self) -> int:
        """The length of the longest text that is masked: how far a cut must look around."""
        return self._longest

    def add(self, secret: str) -> None:
        """Mask this secret from now on; blank ones and too short ones are left out."""
        if secret in self._secrets or len(secret) < self._minimum_length:
            return
        self._secrets.add(secret)
        shapes = {_encodable(form) for form in forms_of(secret, line_by_line=self._line_by_line)}
        new = {form for form in shapes if len(form) >= self._minimum_length} - self._forms
        if new:
            self._forms |= new
            self._search = None
            self._longest = max(self._longest, *map(len, new))

    def mask(self, text: str) -> str:
        """The text with every secret in it replaced; the same text when there is none."""
        masked = self._masked_once(text)
        while self._has_stars and masked != text:
            # A mask next to other text may itself spell a secret that has asterisks in it.
            text, masked = masked, self._masked_once(masked)
        return masked

    def cut(self, text: str, most: int) -> int:
        """Where to cut a text in two so that no secret is cut: at `most`, or before or behind one.

        The text should go on for `longest` characters beyond `most`, else a secret may be missed.
        """
        begin = end = 0  # of the secrets that overlap each other and reach furthest so far
        for start, stop in sorted(
            (*self._secrets_in(text), *_passwords_in(text), *self._coloured(text))
        ):
            if start >= end:
                if begin < most < end:
                    break
                begin = start
            end = max(end, stop)
        return (begin or end) if begin < most < end else most

    def _masked_once(self, text: str) -> str:
        found = [*self._secrets_in(text), *_passwords_in(text), *self._coloured(text)]
        return _with_masks(text, found) if found else text

    def _coloured(self, text: str) -> Iterable[tuple[int, int]]:
        """Secrets that escape sequences interrupt, as programs that colour their output write."""
        if ESCAPE not in text:
            return ()
        plain, starts = _without_escapes(text)
        return (
            (starts[begin], starts[end - 1] + 1)
            for begin, end in (*self._secrets_in(plain), *_passwords_in(plain))
            if end > begin
        )

    def _secrets_in(self, text: str) -> Iterable[tuple[int, int]]:
        """Where secrets are, as pairs of start and end, in no order; they may overlap."""
        if not self._forms:
            return ()
        search = self._search or self._prepared()
        try:
            matches = search.find_matches_as_indexes(text, overlapping=not self._is_nested)
        except UnicodeEncodeError:
            return self._secrets_in(_encodable(text))
        if self._is_nested:
            return _whole_lines(text, ((start, end) for _, start, end in matches))
        return ((start, end) for _, start, end in matches)

    def _prepared(self) -> AhoCorasick:
        self._is_nested = _nesting(self._forms) > MOST_NESTED
        self._has_stars = any("*" in form for form in self._forms)
        # The library's own choice for few patterns takes minutes when one of them is very long.
        self._search = AhoCorasick(sorted(self._forms), implementation=Implementation.ContiguousNFA)
        return self._search


def _without_escapes(text: str) -> tuple[str, list[int]]:
    """The text without terminal escape sequences, and where each character of it stood."""
    pieces: list[str] = []
    starts: list[int] = []
    at = 0
    for match in (*_ESCAPES.finditer(text), None):
        stop = match.start() if match else len(text)
        pieces.append(text[at:stop])
        starts.extend(range(at, stop))
        at = match.end() if match else stop
    return "".join(pieces), starts


def _encodable(text: str) -> str:
    """The text, each lone surrogate replaced by one character: only such text can be searched."""
    return text.encode("utf-8", "replace").decode()


def _passwords_in(text: str) -> Iterator[tuple[int, int]]:
    """Passwords in URLs, whoever set them: `//user:PASSWORD@host`."""
    if "@" in text and "//" in text:
        for match in _PASSWORD_IN_URL.finditer(text):
            yield match.span("password")


def _with_masks(text: str, found: Iterable[tuple[int, int]]) -> str:
    """The text with these parts replaced, those that overlap or touch by one mask."""
    pieces: list[str] = []
    written, covered = 0, -1
    for start, end in sorted(found):
        if start > covered:
            pieces += (text[written:start], MASK)
        covered = max(covered, end)
        written = covered
    pieces.append(text[written:])
    return "".join(pieces)


def _whole_lines(text: str, found: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """The lines that hold these parts, which are in order and apart."""
    covered = -1
    for start, end in found:
        if end > covered:
            covered = text.find("\n", end)
            covered = len(text) if covered < 0 else covered
            yield text.rfind("\n", 0, start) + 1, covered


def _nesting(forms: Iterable[str]) -> int:
    """The longest row of forms in which each is the end of the next."""
    deepest = 0
    row: list[str] = []
    for backwards in sorted(form[::-1] for form in forms):
        while row and not backwards.startswith(row[-1]):
            row.pop()
        row.append(backwards)
        deepest = max(deepest, len(row))
    return deepest
