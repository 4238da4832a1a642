"""Installing tasks: what is taken, what is refused and why (RELIABILITY R-10, R-11)."""

import io
import json
import os
import random
import stat
import tarfile
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quaymaster.runner.tasks import finding
from quaymaster.runner.tasks.archives import Limits
from quaymaster.runner.tasks.installed import declaration, handlers, installing
from quaymaster.runner.tasks.installed.declaration import Execution, TaskRefused
from quaymaster.runner.tasks.installed.directory import TaskDirectory
from tests.runner.make import BASH

ID = "8a0b9f2c-4d1e-4b6f-8c7d-0123456789ab"


def declared(**changes: Any) -> dict[str, Any]:
    """A task.json that can be installed."""
    return {
        "id": ID,
        "name": "Greet",
        "friendlyName": "Greet somebody",
        "version": {"Major": 1, "Minor": 0, "Patch": 0},
        "inputs": [{"name": "who", "type": "string", "defaultValue": "world"}],
        "execution": {"Node20_1": {"target": "index.js"}},
        **changes,
    }


def version(text: str) -> dict[str, int]:
    return dict(zip(("Major", "Minor", "Patch"), map(int, text.split(".")), strict=True))


def folder(place: Path, **changes: Any) -> Path:
    place.mkdir(parents=True, exist_ok=True)
    (place / "task.json").write_text(json.dumps(declared(**changes)))
    (place / "index.js").write_text("console.log('hello')\n")
    return place


def zipped(place: Path, files: Mapping[str, bytes | str]) -> Path:
    with zipfile.ZipFile(place, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return place


def good_files(prefix: str = "", **changes: Any) -> dict[str, bytes | str]:
    return {
        f"{prefix}task.json": json.dumps(declared(**changes)),
        f"{prefix}index.js": "console.log('hello')\n",
    }


@pytest.fixture
def tasks(tmp_path: Path) -> TaskDirectory:
    return TaskDirectory(tmp_path / "tasks")


def left_in(directory: TaskDirectory) -> list[str]:
    """What is in the directory, but for its lock."""
    if not directory.path.is_dir():
        return []
    return sorted(entry.name for entry in directory.path.iterdir() if entry.name != ".lock")


def refusal(directory: TaskDirectory, source: Path) -> str:
    """Why a source is refused; nothing of it may be left."""
    before = left_in(directory)
    with pytest.raises(TaskRefused) as caught:
        installing.install(directory, source)
    assert left_in(directory) == before
    return str(caught.value)


def test_a_folder_is_installed_under_its_name_id_and_version(
    tasks: TaskDirectory, tmp_path: Path
) -> None:
    [installed] = installing.install(tasks, folder(tmp_path / "greet"))
    assert installed.task.folder == tasks.path / f"Greet_{ID}" / "1.0.0"
    assert (installed.task.folder / "index.js").is_file()
    assert installed.notes == ()
    assert left_in(tasks) == [f"Greet_{ID}"]


@pytest.mark.parametrize("prefix", ["", "Greet/", "Greet/1.0.0/"])
def test_a_zip_may_hold_the_task_in_a_folder(
    tasks: TaskDirectory, tmp_path: Path, prefix: str
) -> None:
    installing.install(tasks, zipped(tmp_path / "t.zip", good_files(prefix)))
    assert tasks.has_exactly(ID, "1.0.0")


def test_all_tasks_of_an_extension_are_installed(tasks: TaskDirectory, tmp_path: Path) -> None:
    other = "8a0b9f2c-4d1e-4b6f-8c7d-0123456789ac"
    files = {
        "extension.vsomanifest": "{}",
        **good_files("GreetV1/"),
        **good_files("GreetV2/", version=version("2.0.0")),
        **good_files("Part/", id=other, name="Part"),
        "GreetV1/node_modules/x/task.json": "not a task",
    }
    installing.install(tasks, zipped(tmp_path / "greetings.vsix", files))
    assert tasks.versions() == {ID: frozenset({"1.0.0", "2.0.0"}), other: frozenset({"1.0.0"})}


def test_the_rest_of_an_extension_is_installed_after_a_kill(
    tasks: TaskDirectory, tmp_path: Path
) -> None:
    installing.install(tasks, folder(tmp_path / "first"))
    files = {**good_files("a/"), **good_files("b/", version=version("2.0.0"))}
    extension = zipped(tmp_path / "greetings.vsix", files)
    made = installing.install(tasks, extension)
    assert [one.task.declaration.version for one in made] == ["2.0.0"]
    assert "is installed already" in refusal(tasks, extension)


def test_a_name_that_two_tasks_have_means_neither(tasks: TaskDirectory, tmp_path: Path) -> None:
    installing.install(tasks, folder(tmp_path / "one"))
    assert tasks.names() == {"greet": ID}
    other = "8a0b9f2c-4d1e-4b6f-8c7d-0123456789ac"
    installing.install(tasks, folder(tmp_path / "two", id=other))
    assert tasks.names() == {}
    assert set(tasks.versions()) == {ID, other}


@pytest.mark.parametrize(("ending", "mode"), [("gz", "w:gz"), ("bz2", "w:bz2"), ("xz", "w:xz")])
def test_a_damaged_tar_is_refused(
    tasks: TaskDirectory, tmp_path: Path, ending: str, mode: Any
) -> None:
    archive = tmp_path / f"t.tar.{ending}"
    with tarfile.open(archive, mode) as opened:
        for name, content in {**good_files(), "data": random.Random(1).randbytes(100_000)}.items():
            entry = tarfile.TarInfo(name)
            raw = content if isinstance(content, bytes) else content.encode()
            entry.size = len(raw)
            opened.addfile(entry, io.BytesIO(raw))
    damaged = bytearray(archive.read_bytes())
    for place in range(50_000, 50_050):
        damaged[place] ^= 1
    archive.write_bytes(damaged)
    assert "cannot be read" in refusal(tasks, archive)


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA, zipfile.ZIP_DEFLATED])
def test_a_damaged_zip_is_refused(tasks: TaskDirectory, tmp_path: Path, method: int) -> None:
    archive = tmp_path / "t.zip"
    with zipfile.ZipFile(archive, "w", method) as opened:
        opened.writestr("data", random.Random(1).randbytes(100_000))
    damaged = bytearray(archive.read_bytes())
    for place in range(50_000, 50_050):
        damaged[place] ^= 1
    archive.write_bytes(damaged)
    assert "cannot be read" in refusal(tasks, archive)


def test_one_bad_task_of_an_extension_refuses_them_all(
    tasks: TaskDirectory, tmp_path: Path
) -> None:
    files = {**good_files("a/"), **good_files("b/", name="B", id="not a guid")}
    assert "id: must be a GUID" in refusal(tasks, zipped(tmp_path / "x.vsix", files))


def test_versions_stand_side_by_side_and_the_newest_that_fits_is_found(
    tasks: TaskDirectory, tmp_path: Path
) -> None:
    for number, text in enumerate(("2.1.0", "2.10.1", "2.9.0", "3.0.0")):
        installing.install(tasks, folder(tmp_path / str(number), version=version(text)))
    found = {
        wanted: task.declaration.version
        for wanted in ("2.*", "2.1.0", "2.9.*", "*", "4.*", "2.1.1")
        if (task := tasks.find(ID.upper(), wanted))
    }
    assert found == {"2.*": "2.10.1", "2.1.0": "2.1.0", "2.9.*": "2.9.0", "*": "3.0.0"}


def test_the_runners_own_task_is_meant_unless_an_installed_version_is_asked_for_exactly(
    tasks: TaskDirectory, tmp_path: Path
) -> None:
    for number, text in enumerate(("3.999.0", "4.0.0")):
        source = folder(tmp_path / str(number), id=BASH, name="Bash", version=version(text))
        installing.install(tasks, source)
    means = {
        wanted: found.declaration.version if found else "own"
        for wanted in ("3.*", "*", "3.1.1", "3.999.0", "4.*")
        for found in [finding.installed(tasks, BASH, wanted)]
    }
    assert means == {
        "3.*": "own",
        "*": "own",
        "3.1.1": "own",
        "3.999.0": "3.999.0",
        "4.*": "4.0.0",
    }


def test_a_version_that_is_there_is_not_replaced(tasks: TaskDirectory, tmp_path: Path) -> None:
    installing.install(tasks, folder(tmp_path / "one"))
    reason = refusal(tasks, folder(tmp_path / "two"))
    assert f"quaymaster task remove {ID} 1.0.0" in reason


def test_a_removed_version_is_gone_and_may_come_back(tasks: TaskDirectory, tmp_path: Path) -> None:
    installing.install(tasks, folder(tmp_path / "one"))
    installing.install(tasks, folder(tmp_path / "two", version=version("1.0.1")))
    [found] = installing.matching(tasks, "greet", "1.0.0")
    installing.remove(tasks, found)
    assert tasks.versions() == {ID: frozenset({"1.0.1"})}
    [last] = installing.matching(tasks, ID, None)
    installing.remove(tasks, last)
    assert left_in(tasks) == []
    installing.install(tasks, folder(tmp_path / "one"))
    assert tasks.has_exactly(ID, "1.0.0")


def test_what_a_killed_installation_left_goes_with_the_next(
    tasks: TaskDirectory, tmp_path: Path
) -> None:
    (tasks.path / ".new-killed" / "inside").mkdir(parents=True)
    installing.install(tasks, folder(tmp_path / "one"))
    assert left_in(tasks) == [f"Greet_{ID}"]


@pytest.mark.parametrize(
    "name", ["../outside.js", "/etc/outside.js", "a/../../outside.js", "C:/x.js", "a\\..\\x.js"]
)
def test_an_entry_that_leads_out_is_refused(
    tasks: TaskDirectory, tmp_path: Path, name: str
) -> None:
    reason = refusal(tasks, zipped(tmp_path / "t.zip", {**good_files(), name: "x"}))
    assert "would leave the target directory" in reason
    assert not list(tmp_path.rglob("outside.js"))


def test_a_link_in_an_archive_is_refused_wherever_it_leads(
    tasks: TaskDirectory, tmp_path: Path
) -> None:
    for target in ("index.js", "/etc/passwd"):
        with zipfile.ZipFile(tmp_path / "t.zip", "w") as archive:
            for name, content in good_files().items():
                archive.writestr(name, content)
            link = zipfile.ZipInfo("link.js")
            link.external_attr = (stat.S_IFLNK | 0o777) << 16
            archive.writestr(link, target)
        assert "'link.js' is a symbolic link" in refusal(tasks, tmp_path / "t.zip")


def test_a_hard_link_and_a_device_in_a_tar_are_refused(
    tasks: TaskDirectory, tmp_path: Path
) -> None:
    for kind in (tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.SYMTYPE):
        with tarfile.open(tmp_path / "t.tar", "w") as archive:
            for name, content in good_files().items():
                entry = tarfile.TarInfo(name)
                entry.size = len(content)
                archive.addfile(entry, io.BytesIO(str(content).encode()))
            odd = tarfile.TarInfo("odd")
            odd.type, odd.linkname = kind, "index.js"
            archive.addfile(odd)
        assert "'odd' is" in refusal(tasks, tmp_path / "t.tar")


def test_too_many_entries_and_too_many_bytes_are_refused(
    tasks: TaskDirectory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    many = {**good_files(), **{f"f{number}": "" for number in range(20)}}
    monkeypatch.setattr(installing, "LIMITS", Limits(bytes=10_000, entries=10, links=False))
    assert "more than 10 entries" in refusal(tasks, zipped(tmp_path / "many.zip", many))
    large = {**good_files(), "zeros": b"\0" * 20_000}
    assert "10000 bytes" in refusal(tasks, zipped(tmp_path / "large.zip", large))
    source = folder(tmp_path / "folder")
    (source / "zeros").write_bytes(b"\0" * 20_000)
    assert "10000 bytes" in refusal(tasks, source)


def test_a_link_that_leads_out_of_a_folder_is_refused_and_one_inside_is_copied(
    tasks: TaskDirectory, tmp_path: Path
) -> None:
    source = folder(tmp_path / "greet")
    (source / "bin").mkdir()
    (source / "bin" / "greet").symlink_to("../index.js")
    (source / "passwd").symlink_to("/etc/passwd")
    assert "leads out of it" in refusal(tasks, source)
    (source / "passwd").unlink()
    (source / "pipe").symlink_to("bin")
    assert "is a link to a folder" in refusal(tasks, source)
    (source / "pipe").unlink()
    os.mkfifo(source / "pipe")
    assert "pipe is not a file" in refusal(tasks, source)
    (source / "pipe").unlink()
    [installed] = installing.install(tasks, source)
    copied = installed.task.folder / "bin" / "greet"
    assert not copied.is_symlink()
    assert copied.read_text() == "console.log('hello')\n"


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"id": "123"}, "id: must be a GUID"),
        ({"name": "../../x"}, "name: must be"),
        ({"name": "x" * 101}, "name: must be"),
        ({"name": 7}, "name: must be a text"),
        ({"version": {"Major": 1}}, "version: must hold the whole numbers"),
        ({"version": "1.0.0"}, "version: must hold the whole numbers"),
        ({"version": {"Major": 1, "Minor": 0, "Patch": "../9"}}, "version: must hold"),
        ({"inputs": {"who": "me"}}, "inputs: must be a list of objects"),
        ({"inputs": [{"name": "a"}, {"name": "A"}]}, "inputs[1].name"),
        ({"execution": {}}, "runs nothing on an agent"),
        ({"execution": {"Node20_1": "index.js"}}, "execution.Node20_1: must be an object"),
        ({"execution": ["index.js"]}, "execution: must be an object"),
        ({"minimumAgentVersion": "5.1.0"}, "minimumAgentVersion: asks for 5.1.0"),
        ({"minimumAgentVersion": "4.261"}, "minimumAgentVersion: asks for 4.261"),
        ({"minimumAgentVersion": "5"}, "minimumAgentVersion: asks for 5"),
        ({"minimumAgentVersion": "new"}, "minimumAgentVersion: must be whole numbers"),
        ({"restrictions": {"settableVariables": {"allowed": "x"}}}, "must be a list of names"),
        ({"execution": {"Node20_1": {"target": "dist/index.js"}}}, "Was it built?"),
        ({"execution": {"Node20_1": {"target": "../../../bin/sh"}}}, "no such file in its folder"),
        ({"execution": {"Node20_1": {"target": ""}}}, "no such file in its folder"),
    ],
)
def test_a_task_json_is_refused_with_what_is_wrong(
    tasks: TaskDirectory, tmp_path: Path, changes: dict[str, Any], problem: str
) -> None:
    assert problem in refusal(tasks, folder(tmp_path / "greet", **changes))


@pytest.mark.parametrize("needed", ["1", "2.144", "2.144.0", "4.260.0", ""])
def test_an_agent_version_that_is_reached_is_no_problem(
    tasks: TaskDirectory, tmp_path: Path, needed: str
) -> None:
    installing.install(tasks, folder(tmp_path / "greet", minimumAgentVersion=needed))


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
KEYS = ("id", "name", "version", "inputs", "outputVariables", "restrictions", "execution")


@given(st.dictionaries(st.sampled_from((*KEYS, "minimumAgentVersion")), ANYTHING))
@settings(max_examples=200)
def test_whatever_a_task_json_holds_it_is_read_or_refused(
    tmp_path: Path, changes: dict[str, Any]
) -> None:
    path = tmp_path / "task.json"
    path.write_text(json.dumps(declared(**changes)))
    reason = ""
    try:
        found = declaration.read(path)
    except TaskRefused as refused:
        reason = str(refused)
    assert str(path) in reason if reason else found.sections


def test_every_problem_of_a_task_json_is_named_at_once(
    tasks: TaskDirectory, tmp_path: Path
) -> None:
    source = folder(tmp_path / "greet", id="", version={}, execution={})
    reason = refusal(tasks, source)
    assert str(source / "task.json") in reason
    assert reason.count("\n") == 3


@pytest.mark.parametrize("text", ["", "{", "[]", "[" * 100_000, '{"id": "\ud800"}'])
def test_a_task_json_that_is_none_is_refused(
    tasks: TaskDirectory, tmp_path: Path, text: str
) -> None:
    source = folder(tmp_path / "greet")
    (source / "task.json").write_text(text, errors="surrogatepass")
    assert "task.json" in refusal(tasks, source)


def test_what_is_no_task_at_all_is_refused(tasks: TaskDirectory, tmp_path: Path) -> None:
    assert "no folder and no archive" in refusal(tasks, tmp_path / "nothing")
    (tmp_path / "empty").mkdir()
    assert "holds no task.json" in refusal(tasks, tmp_path / "empty")
    (tmp_path / "text.zip").write_text("not a zip")
    assert "cannot be read" in refusal(tasks, tmp_path / "text.zip")


def test_a_task_for_another_system_is_installed_with_a_note(
    tasks: TaskDirectory, tmp_path: Path
) -> None:
    source = folder(tmp_path / "greet", execution={"PowerShell": {"target": "x.ps1"}})
    [installed] = installing.install(tasks, source)
    assert installed.notes == ("Its main section cannot be run here: it is made for PowerShell.",)


def test_a_folder_that_is_not_what_it_is_called_is_named(
    tasks: TaskDirectory, tmp_path: Path
) -> None:
    [installed] = installing.install(tasks, folder(tmp_path / "greet"))
    installed.task.folder.rename(installed.task.folder.with_name("1.0.1"))
    with pytest.raises(TaskRefused, match="which its name does not say"):
        tasks.find(ID, "1.*")


@pytest.mark.parametrize(
    ("offered", "chosen"),
    [
        (["Node", "Node10", "Node16", "Node20_1", "PowerShell3"], "Node20_1"),
        (["Node20_1", "Node24", "Node16"], "Node24"),
        (["PowerShell3", "Node"], "Node"),
        (["Process", "PowerShell3"], "PowerShell3"),
        (["node10"], "node10"),
        (["Process", "PowerShell", "AzurePowerShell", "PowerShellExe", "AgentPlugin"], None),
    ],
)
def test_the_newest_node_is_chosen_then_powershell(offered: list[str], chosen: str | None) -> None:
    """SEMANTICS 18.2; `platforms` makes only Windows prefer a handler."""
    executions = [Execution(name, "x", platforms=("windows",)) for name in offered]
    found = handlers.chosen(executions)
    assert (found.handler if found else None) == chosen
