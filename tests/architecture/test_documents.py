"""The documents name what the code has, and the code has what the documents name."""

import re
from pathlib import Path

import pytest

from quaymaster.cli.main import _COMMANDS

ROOT = Path(__file__).parents[2]
OPERATING = (ROOT / "docs/operating.md").read_text("utf-8")
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
LINK = re.compile(r"\]\(([^)#:]+)(?:#[^)]*)?\)")
SETTING = re.compile(r"QUAYMASTER_[A-Z_]+[A-Z]")


def settings_read() -> set[str]:
    """Every setting that the code reads, as it is named in settings.py."""
    source = (ROOT / "src/quaymaster/settings.py").read_text("utf-8")
    short = re.findall(r'(?:text|number)\("([A-Z_]+)"', source)
    return {f"QUAYMASTER_{name}" for name in short}


def test_every_setting_is_documented_and_no_other():
    documented = set(re.findall(r"^\| `(QUAYMASTER_[A-Z_]+)`", OPERATING, re.MULTILINE))
    assert documented == settings_read()
    assert len(documented) > 10


def test_no_document_names_a_setting_that_does_not_exist():
    only_for_tests = {"QUAYMASTER_SHARED"}
    named = {name for path in DOCUMENTS for name in SETTING.findall(path.read_text("utf-8"))}
    assert named <= settings_read() | only_for_tests


@pytest.mark.parametrize("command", list(_COMMANDS))
def test_every_command_is_documented(command):
    assert f"| `quaymaster {command}" in OPERATING


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_leads_somewhere(path):
    for target in LINK.findall(path.read_text("utf-8")):
        assert (path.parent / target).exists(), f"{path.name} links to {target}"


def test_every_link_into_a_page_meets_a_heading():
    for path in DOCUMENTS:
        for page, place in re.findall(r"\]\(([^):#]*)#([^)]+)\)", path.read_text("utf-8")):
            text = (path.parent / page if page else path).read_text("utf-8")
            headings = (line.lower() for line in re.findall(r"^#+ (.+)$", text, re.MULTILINE))
            slugs = {re.sub(r"[^\w -]", "", one).replace(" ", "-") for one in headings}
            assert place in slugs, f"{path.name} links to {page}#{place}"


def test_the_readme_leads_to_every_page():
    readme = (ROOT / "README.md").read_text("utf-8")
    missing = [page.name for page in ROOT.glob("docs/*.md") if f"docs/{page.name}" not in readme]
    assert not missing


def test_every_decision_is_listed_once_and_in_order():
    listed = re.findall(
        r"\((\d{4}-[a-z0-9-]+\.md)\)", (ROOT / "docs/decisions/README.md").read_text()
    )
    there = sorted(path.name for path in (ROOT / "docs/decisions").glob("[0-9]*.md"))
    assert listed == there


def test_every_make_target_of_the_documents_exists():
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    named = {
        name
        for path in DOCUMENTS
        for name in re.findall(r"`make ([a-z]+)", path.read_text("utf-8"))
    }
    assert named <= targets


def test_the_lock_files_name_no_host():
    for name in ("requirements.lock", "package-lock.json"):
        path = ROOT / name
        assert not path.exists() or "://" not in path.read_text("utf-8")


def test_every_file_and_folder_that_the_architecture_names_is_there():
    named = re.findall(r"`([a-z_./]+(?:/|\.py))`", (ROOT / "ARCHITECTURE.md").read_text("utf-8"))
    assert "sources/source.py" in named
    places = (ROOT, ROOT / "src" / "quaymaster", *(ROOT / "src" / "quaymaster").iterdir())
    with_folder = {name for name in named if "/" in name}
    assert not {n for n in with_folder if not any((place / n).exists() for place in places)}
