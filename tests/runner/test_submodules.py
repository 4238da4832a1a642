"""Where submodules are fetched from: what git will call is what was checked (R-13)."""

import os
import shutil
import subprocess
from pathlib import Path

import msgspec
import pytest

from quaymaster.protocol.job import Checkout, Endpoint
from quaymaster.runner.repositories import checkout, ssh
from quaymaster.runner.repositories.addresses import address
from tests.gits import commit, over_http, repository
from tests.runner.test_checkout import git, needs_git

SSH = shutil.which("ssh")
needs_ssh = pytest.mark.skipif(SSH is None, reason="this machine has no ssh program")
KEY = "-----BEGIN KEY-----\r\nabc\r\n-----END KEY-----\r\n"
# Stands for the ssh program: says which host it would call, and answers as that host would.
FAR_SIDE = """\
#!/bin/sh
{ssh} -G "$@" | sed -n 's/^hostname //p' >> {called}
for last in "$@"; do :; done
exec sh -c "$last"
"""


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    place = repository(tmp_path / "shop")
    commit(place, "a.txt", "shop")
    return place


@pytest.fixture
def library(tmp_path: Path) -> Path:
    place = repository(tmp_path / "library")
    commit(place, "lib.txt", "library")
    return place


def add_submodule(place: Path, sections: str, linked: str) -> None:
    """A commit with this `.gitmodules`, and at `lib` a link to a commit."""
    (place / ".gitmodules").write_text(sections)
    git("add", ".gitmodules", directory=place)
    git("update-index", "--add", "--cacheinfo", f"160000,{linked},lib", directory=place)
    git("commit", "-m", "lib", directory=place)


def checked_out(
    monkeypatch: pytest.MonkeyPatch,
    work: Path,
    source: str,
    *,
    allowed: list[str],
    lfs: bool = False,
) -> int:
    """The exit code of checking out with submodules."""
    work.mkdir(exist_ok=True)
    (work / "s").mkdir(exist_ok=True)
    wanted = Checkout(address=source, submodules="nested", lfs=lfs)
    request = checkout.Request(wanted, str(work / "s"), str(work), allowed=allowed)
    sent = msgspec.json.encode(request).decode()
    monkeypatch.setenv(checkout.REQUEST_VARIABLE, sent)
    return checkout.main()


@needs_git
def test_an_address_behind_another_one_for_the_same_path_is_checked_as_well(
    shop: Path,
    library: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    called: list[bool] = []
    with over_http(library, before=lambda: called.append(True)) as url:
        hidden = f'[submodule "b"]\nurl = {url}\n[submodule "a"]\npath = lib\nurl = {library}\n'
        add_submodule(shop, hidden + '[submodule "b"]\npath = lib\n', head_of(library))
        code = checked_out(monkeypatch, tmp_path / "w", str(shop), allowed=[])
        assert (code, called) == (checkout.EXIT_FINAL, [])
        assert "QUAYMASTER_ALLOWED_ADDRESSES" in capsys.readouterr().out
        code = checked_out(monkeypatch, tmp_path / "w", str(shop), allowed=["127.0.0.1"])
    assert code == 0
    assert called
    assert (tmp_path / "w/s/lib/lib.txt").read_text() == "library"


def head_of(place: Path) -> str:
    words = ["git", "rev-parse", "HEAD"]
    return subprocess.run(words, cwd=place, check=True, capture_output=True, text=True).stdout[:40]


@needs_git
@needs_ssh
@pytest.mark.parametrize("main", ["ssh://git@127.0.0.2", ""])
def test_each_server_is_called_at_its_own_address_over_ssh(
    shop: Path, library: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, main: str
) -> None:
    called = tmp_path / "called"
    called.touch()
    stand_in(monkeypatch, tmp_path, "ssh", FAR_SIDE.format(ssh=SSH, called=called))
    section = f'[submodule "lib"]\npath = lib\nurl = git@127.0.0.3:{library}\n'
    add_submodule(shop, section, head_of(library))
    allowed = ["127.0.0.2", "127.0.0.3"]
    assert checked_out(monkeypatch, tmp_path / "w", f"{main}{shop}", allowed=allowed) == 0
    hosts = ["127.0.0.2", "127.0.0.3"] if main else ["127.0.0.3"]
    assert list(dict.fromkeys(called.read_text().split())) == hosts
    assert (tmp_path / "w/s/lib/lib.txt").read_text() == "library"


@needs_git
@needs_ssh
@pytest.mark.parametrize("main", ["ssh://git@127.0.0.2", ""])
def test_large_files_are_asked_for_where_the_repository_is(
    shop: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, main: str
) -> None:
    called = tmp_path / "called"
    stand_in(monkeypatch, tmp_path, "ssh", FAR_SIDE.format(ssh=SSH, called=called))
    stand_in(monkeypatch, tmp_path, "git-lfs", f"#!/bin/sh\ngit config lfs.url > {called}\n:\n")
    commit(shop, ".lfsconfig", "[lfs]\nurl = https://elsewhere.example.org/\n")
    source = f"{main}{shop}"
    code = checked_out(monkeypatch, tmp_path / "w", source, allowed=["127.0.0.2"], lfs=True)
    assert (code, called.read_text().strip()) == (0, source if main else shop.as_uri())


def stand_in(monkeypatch: pytest.MonkeyPatch, place: Path, name: str, text: str) -> None:
    """Have this script found as a program of the machine."""
    programs = place / "bin"
    programs.mkdir(exist_ok=True)
    (programs / name).write_text(text)
    (programs / name).chmod(0o755)
    if str(programs) not in os.environ["PATH"].split(":"):
        monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")


@needs_ssh
def test_a_key_is_for_its_own_server_and_unchecked_ones_are_refused(tmp_path: Path) -> None:
    signs_in = Endpoint("", "", "git", data={"PrivateKey": KEY})
    places = [
        (address("https://Code.example.org/acme/app"), "192.0.2.1"),
        (address("git@Git.example.org:acme/lib"), "192.0.2.2"),
        (address("ssh://git@git.example.org:2222/acme/app", signs_in), "192.0.2.2"),
        (address("ssh://git@[2001:db8::1]:22/acme/app"), "2001:db8::1"),
    ]
    over_ssh = [place for place in places if place[0].scheme == "ssh"]
    known = tmp_path / "known 100%"
    settings = ssh.written(tmp_path, over_ssh, known)
    for host in ("Git.example.org", "git.example.org"):
        told = effective(settings, host)
        assert told["hostname"] == "192.0.2.2"
        assert told["hostkeyalias"] == "git.example.org"
        assert told["proxycommand"] == "none"
        assert told["identitiesonly"] == "yes"
        assert Path(told["identityfile"]).read_text() == KEY.replace("\r", "")
        assert told["userknownhostsfile"] == str(known)
    other = effective(settings, "2001:db8::1")
    assert (other["hostname"], other["proxycommand"]) == ("2001:db8::1", "none")
    assert "key-" not in other["identityfile"]
    assert effective(settings, "elsewhere.example.org")["proxycommand"].startswith("echo ")


def effective(settings: Path, host: str) -> dict[str, str]:
    """What ssh makes of the settings for a host: the first value of each name."""
    told = subprocess.run(
        [str(SSH), "-G", "-F", str(settings), host], check=True, capture_output=True, text=True
    ).stdout
    found = {"proxycommand": "none"}
    for line in told.splitlines():
        name, _, value = line.partition(" ")
        found.setdefault(name, value) if name != "proxycommand" else found.update({name: value})
    return found
