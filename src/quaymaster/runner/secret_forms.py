"""The shapes in which a secret may turn up in a log (SEMANTICS 16.8, 16.9)."""

import base64
import html
import json
import re
from collections.abc import Iterator
from urllib.parse import quote, quote_plus

SHORTEST_LINE = 3
# Shapes unlike the secret itself are looked for only when they are too long to occur by chance.
SHORTEST_DISGUISED = 6
SHORTEST_INSIDE_BASE64 = 8

_QUOTES = ('"', "'")
# What `printf %q` of bash writes with a backslash in front.
_PLAIN_BEHIND_BACKSLASH = re.compile(r"""[ !"$&'()*,;<>?\[\\\]^`{|}]""")
_SPECIAL_IN_DOUBLE_QUOTES = re.compile(r"""["$`\\]""")
_KEPT_BY_SCRIPTS = "!*'()"
_KEPT_IN_WHOLE_URLS = ";,/?:@&=+$#" + _KEPT_BY_SCRIPTS


def forms_of(secret: str, *, line_by_line: bool = True) -> set[str]:
    """Every text to mask for one secret: itself, its encodings, and each line of several.

    Nothing for a blank secret. Lines are trimmed and need three characters.
    """
    if not secret.strip():
        return set()
    lines = [line.strip() for line in secret.splitlines()] if line_by_line else []
    parts = [secret, *(line for line in lines if len(line) >= SHORTEST_LINE and line != secret)]
    found = {form for part in parts for form in _forms(part)}
    return {form for form in found if form.strip()}


def _forms(text: str) -> Iterator[str]:
    for plain in {text, text.replace("\r\n", "\n"), text.strip(), _unquoted(text)}:
        yield plain
        yield from _for_commands(plain)
        yield from _for_urls(plain)
        yield from _for_documents(plain)
        yield from _for_shells(plain)
        yield from _in_base64(plain)
        yield from _disguised(plain)


def _unquoted(text: str) -> str:
    quoted = len(text) > 2 and text[0] == text[-1] and text[0] in _QUOTES
    return text[1:-1] if quoted else text


def _for_commands(text: str) -> Iterator[str]:
    """As data and as a property of a logging command, with and without escaping percent signs."""
    for escaped in (text, text.replace("%", "%AZP25")):
        data = escaped.replace("\r", "%0D").replace("\n", "%0A")
        yield data
        yield data.replace("]", "%5D").replace(";", "%3B")


def _for_urls(text: str) -> Iterator[str]:
    """Percent-encoded by the book, by forms, and as scripts do it, in both cases of hex digits."""
    kept = ("", _KEPT_BY_SCRIPTS, _KEPT_IN_WHOLE_URLS, "/")
    for encoded in (quote_plus(text, errors="replace"), *(_quoted(text, safe) for safe in kept)):
        yield encoded
        yield _with_small_hex(encoded)


def _quoted(text: str, safe: str) -> str:
    return quote(text, safe=safe, errors="replace")


def _with_small_hex(encoded: str) -> str:
    first, *rest = encoded.split("%")
    return "%".join((first, *(piece[:2].lower() + piece[2:] for piece in rest)))


def _for_documents(text: str) -> Iterator[str]:
    """Inside JSON (twice: one document inside another), inside XML, and with backslashes undone."""
    for ascii_only in (True, False):
        once = json.dumps(text, ensure_ascii=ascii_only)[1:-1]
        yield once
        yield once.replace("/", "\\/")
        yield json.dumps(once, ensure_ascii=ascii_only)[1:-1]
    yield html.escape(text)
    yield html.escape(text, quote=False)
    yield _backslashes_undone(text)


def _backslashes_undone(text: str) -> str:
    for escaped, plain in (("\\\\", "\\"), ("\\'", "'"), ('\\"', '"'), ("\\t", "\t")):
        text = text.replace(escaped, plain)
    return text


def _for_shells(text: str) -> Iterator[str]:
    """As `set -x`, `printf %q`, `export -p` and the repr of scripting languages quote it."""
    yield text.replace("'", "'\\''")
    yield text.replace("'", "\\'")
    yield text.replace("\\", "\\\\").replace("'", "\\'")
    yield _PLAIN_BEHIND_BACKSLASH.sub(r"\\\g<0>", text)
    yield _SPECIAL_IN_DOUBLE_QUOTES.sub(r"\\\g<0>", text)


def _in_base64(text: str) -> Iterator[str]:
    """Base64 of the text alone, and what it becomes as part of a longer text, e.g. user:password.

    A byte stands at one of three places of a group of three; the characters at both ends of the
    encoded part depend on what is around it, and are left out.
    """
    content = text.encode("utf-8", "replace")
    for alone in (base64.b64encode(content), base64.urlsafe_b64encode(content)):
        yield alone.decode()
        yield alone.decode().rstrip("=") if len(alone) >= SHORTEST_INSIDE_BASE64 else ""
    for before in range(3):
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            encoded = encode(b"\0" * before + content + b"\0\0").decode()
            certain = encoded[-(-before * 8 // 6) : (before + len(content)) * 8 // 6]
            yield certain if len(certain) >= SHORTEST_INSIDE_BASE64 else ""


def _disguised(text: str) -> Iterator[str]:
    """In hex and backwards."""
    if len(text) >= SHORTEST_DISGUISED:
        in_hex = text.encode("utf-8", "replace").hex()
        yield from (in_hex, in_hex.upper(), text[::-1])
