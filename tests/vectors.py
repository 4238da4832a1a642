"""The published test vectors, read where they stand; absent ones are skipped by name.

The folder is named by QUAYMASTER_SHARED (default `../shared` beside the repository). Every
`<kind>_*.json` in `semantics/vectors` and `contract/*/vectors` below it is taken.
"""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent


def shared_folder() -> Path:
    """The folder of shared material, absolute; it may not exist."""
    return (REPOSITORY / os.environ.get("QUAYMASTER_SHARED", "../shared")).resolve()


def vector_files(kind: str) -> list[Path]:
    """Every file of vectors of this kind, in a stable order."""
    folders = [
        shared_folder() / "semantics" / "vectors",
        *sorted(shared_folder().glob("contract/*/vectors")),
    ]
    return [file for folder in folders for file in sorted(folder.glob(f"{kind}_*.json"))]


def read_cases(file: Path) -> list[dict[str, Any]]:
    """The cases of one file: the list under `cases` or `vectors`, or the document itself."""
    document = json.loads(file.read_text(encoding="utf-8"))
    found = document
    if isinstance(document, dict):
        found = document["cases"] if "cases" in document else document["vectors"]
    if not found:
        raise ValueError(f"{file.name} holds no cases: an empty file of vectors proves nothing")
    return list(found)


def case_name(file: Path, case: dict[str, Any], position: int) -> str:
    """What the case is called in a report: its own id or name, else file and position."""
    return str(case.get("id") or case.get("name") or f"{file.stem}-{position}")


def cases(kind: str, keep: Callable[[dict[str, Any]], bool] = lambda _: True) -> list[Any]:
    """One pytest.param(case) per vector of this kind, marked `vector`; or one skipped param.

    `keep` chooses among cases of several sorts in one file.
    """
    files = vector_files(kind)
    if not files:
        reason = f"no {kind}_*.json in the shared folder (QUAYMASTER_SHARED={shared_folder()})"
        return [
            pytest.param(None, id="absent", marks=[pytest.mark.skip(reason), pytest.mark.vector])
        ]
    return [
        pytest.param(case, id=case_name(file, case, position), marks=pytest.mark.vector)
        for file in files
        for position, case in enumerate(read_cases(file))
        if keep(case)
    ]
