"""Sources over ssh and files of Git LFS: with the real programs, where this machine has them."""

import getpass
import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from quaymaster.protocol.job import Endpoint, JobResult
from quaymaster.runner.pool import HostPool
from quaymaster.runner.repositories import large_files
from tests.gits import commit, repository
from tests.runner.test_checkout import built, git, needs_git
from tests.server.waiting import eventually

SSHD = shutil.which("sshd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
KEYGEN = shutil.which("ssh-keygen")
LFS = shutil.which("git-lfs")
needs_sshd = pytest.mark.skipif(
    SSHD is None or KEYGEN is None, reason="this machine has no sshd and ssh-keygen"
)


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    place = repository(tmp_path / "shop")
    commit(place, "a.txt", "over ssh")
    return place


def keys(place: Path, name: str) -> Path:
    """A new pair of keys; the private one's file."""
    assert KEYGEN is not None
    words = [KEYGEN, "-q", "-t", "ed25519", "-N", "", "-f", str(place / name)]
    subprocess.run(words, check=True, capture_output=True)
    return place / name


@pytest.fixture
def ssh_port(tmp_path: Path) -> Iterator[int]:
    """An ssh server of this machine that lets the key `user` in."""
    assert SSHD is not None
    host, user = keys(tmp_path, "host"), keys(tmp_path, "user")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    settings = tmp_path / "sshd_config"
    settings.write_text(
        f"ListenAddress 127.0.0.1:{port}\nHostKey {host}\nPidFile none\nStrictModes no\n"
        f"AuthorizedKeysFile {user}.pub\nUsePAM no\nPasswordAuthentication no\n"
        "PermitRootLogin prohibit-password\n"
    )
    command = [SSHD, "-D", "-e", "-f", str(settings)]
    with (tmp_path / "sshd.log").open("w") as log:
        served = subprocess.Popen(command, stderr=log, stdout=log)
    try:
        yield port
    finally:
        served.terminate()
        served.wait(10)


@needs_git
@needs_sshd
async def test_a_key_of_the_connection_signs_in_over_ssh(
    pool: HostPool, shop: Path, ssh_port: int, tmp_path: Path
) -> None:
    async def answers() -> bool:
        with socket.socket() as trying:
            return trying.connect_ex(("127.0.0.1", ssh_port)) == 0

    await eventually(answers, "sshd")
    secret = (tmp_path / "user").read_text()
    hub = Endpoint("c1", "hub", "ssh", data={"PrivateKey": secret})
    address = f"ssh://{getpass.getuser()}@127.0.0.1:{ssh_port}{shop}"
    wanted = {
        "address": address,
        "branch": "refs/heads/main",
        "connection": "hub",
        "allowed_addresses": ["127.0.0.1"],
    }
    said = (tmp_path / "sshd.log").read_text
    outcome = await built(pool, tmp_path / "w", "cat a.txt; echo", source_endpoints=[hub], **wanted)
    assert outcome.result is JobResult.SUCCEEDED, outcome.log_of(2) + said()
    assert "over ssh" in outcome.log().split("\n")
    assert not any(line in outcome.everything() for line in secret.splitlines()[1:-1])
    left = [path for path in (tmp_path / "w").rglob("*") if path.is_file()]
    assert not any(secret.splitlines()[1].encode() in path.read_bytes() for path in left)
    stranger = Endpoint("c1", "hub", "ssh", data={"PrivateKey": keys(tmp_path, "x").read_text()})
    refused = await built(pool, tmp_path / "v", "echo no", source_endpoints=[stranger], **wanted)
    assert refused.result is JobResult.FAILED
    assert "Permission denied" in refused.log_of(2)


@needs_git
@pytest.mark.skipif(LFS is None, reason="this machine has no git-lfs")
async def test_files_of_git_lfs_are_brought_when_they_are_wanted(
    pool: HostPool, shop: Path, tmp_path: Path
) -> None:
    git("lfs", "install", "--local", directory=shop)
    git("lfs", "track", "*.bin", directory=shop)
    (shop / "big.bin").write_text("the whole file")
    git("add", ".gitattributes", "big.bin", directory=shop)
    git("commit", "-m", "big", directory=shop)
    for lfs, expected in ((False, "version https://git-lfs"), (True, "the whole file")):
        outcome = await built(
            pool, tmp_path / f"w{lfs}", "cat big.bin; echo", address=shop.as_uri(), lfs=lfs
        )
        assert outcome.result is JobResult.SUCCEEDED, outcome.log_of(2)
        assert expected in outcome.log()


@needs_git
@pytest.mark.skipif(LFS is not None, reason="this machine has git-lfs")
async def test_without_the_program_files_of_git_lfs_are_refused_by_name(
    pool: HostPool, shop: Path, tmp_path: Path
) -> None:
    outcome = await built(pool, tmp_path / "w", "echo no", address=shop, lfs=True)
    assert outcome.result is JobResult.FAILED
    assert large_files.MISSING in outcome.log_of(2)
    assert "no" not in outcome.log().split("\n")


@needs_git
async def test_tags_come_as_they_are_wanted(pool: HostPool, shop: Path, tmp_path: Path) -> None:
    git("tag", "v1", directory=shop)
    for depth, tags, expected in ((0, None, 1), (0, False, 0), (1, None, 0), (1, True, 1)):
        outcome = await built(
            pool,
            tmp_path / f"w{depth}{tags}",
            "echo tags $(git tag | wc -l)",
            address=shop.as_uri(),
            branch="refs/heads/main",
            depth=depth,
            tags=tags,
        )
        assert f"tags {expected}" in outcome.log().split("\n"), (depth, tags, outcome.log_of(2))
