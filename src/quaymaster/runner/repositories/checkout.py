"""Checks the sources of a build out; run as a program of its own, the first step of its jobs.

It reads what to do from the environment variable QUAYMASTER_SOURCES and prints lines for the log.
Whoever wrote the repository also says what the build runs, so its links and names are taken as
they are; what it may reach on the network, and with which credentials, is not theirs to say.
"""

import os
import re
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec

from quaymaster.outgoing.addresses import AllowedAddresses
from quaymaster.protocol.job import Checkout, Endpoint
from quaymaster.runner.programs import EXIT_FAILED, EXIT_FINAL, say
from quaymaster.runner.repositories import large_files
from quaymaster.runner.repositories.addresses import Address, CannotReach, address
from quaymaster.runner.repositories.export import CannotCheckOut, check_out
from quaymaster.runner.repositories.program import Git, GitFailed, git_for, program
from quaymaster.runner.repositories.reach import KNOWN_HOSTS, Reach
from quaymaster.runner.workspace import empty

REQUEST_VARIABLE = "QUAYMASTER_SOURCES"
DEEPEST = 10  # submodules in submodules
_COMMIT = re.compile(r"[0-9a-f]{40}", re.ASCII)
_ORIGIN = "refs/remotes/origin/"
_TAGS = "+refs/tags/*:refs/tags/*"
_PASSING = re.compile(
    r"Could not resolve|Connection (?:refused|reset|timed out)|timed out|early EOF|"
    r"returned error: (?:408|429|5\d\d)|hung up|HTTP/2 stream",
    re.IGNORECASE,
)


class Request(msgspec.Struct, frozen=True):
    """What to check out into `target`; `aside` is a directory for what is kept between jobs."""

    checkout: Checkout
    target: str
    aside: str
    connection: Endpoint | None = None
    allowed: list[str] = []


class CannotFetch(Exception):
    """There is no such branch or commit, or an option does not fit; the text says which."""


def main() -> int:
    """Do what the environment asks; the exit code says whether a retry may help."""
    request = msgspec.json.decode(os.environ.pop(REQUEST_VARIABLE), type=Request)
    try:
        _Sources.of(request).bring()
    except (CannotFetch, CannotReach, CannotCheckOut) as error:
        say(f"##[error]{error}")
        return EXIT_FINAL
    except GitFailed as error:
        say(f"##[error]{error}")
        return EXIT_FAILED if _PASSING.search(error.said) else EXIT_FINAL
    return 0


@dataclass(frozen=True, slots=True)
class _Sources:
    """One checkout."""

    wanted: Checkout
    place: Address
    target: Path
    aside: Path
    reach: Reach

    @staticmethod
    def of(request: Request) -> "_Sources":
        return _Sources(
            request.checkout,
            address(request.checkout.address, request.connection),
            Path(request.target),
            Path(request.aside),
            Reach(AllowedAddresses.of(tuple(request.allowed)), Path(request.aside) / KNOWN_HOSTS),
        )

    def bring(self) -> None:
        """Sources of the wanted commit, in a clone that is kept from build to build."""
        if program() is None:
            self._without_program()
            return
        if self.wanted.of_strangers:  # what the last one wrote into .git must not see the sign-in
            empty(self.target)
        with git_for([self.place], self.target, self.reach) as git:
            if self.wanted.lfs and not large_files.is_installed(git):
                raise CannotFetch(large_files.MISSING)
            self._prepare(git)
            commit = self._fetched(git)
            git.run("checkout", "--quiet", "--force", "--detach", commit)
            if self.wanted.lfs:
                say("Fetching the files of Git LFS.")
                large_files.bring(git, self.place)
            told = git.run("log", "-1", "--format=%H %s", commit).strip()
            say(f"HEAD is now at {told}")
        if self.wanted.submodules:
            self._submodules(self.target, self._parent(), 1)

    def _prepare(self, git: Git) -> None:
        """An empty clone, or the last build's when it is of the same repository."""
        if not self._is_ours(git):
            empty(self.target)
            git.run("init", "--quiet", ".")
            git.run("remote", "add", "origin", self.place.shown)
        elif self.wanted.clean:
            say("Cleaning the sources.")
            git.run("clean", "-ffdxq")
            if git.run("for-each-ref", "--count=1").strip():
                git.run("reset", "--quiet", "--hard")
        for lock in ("index.lock", "shallow.lock"):  # left by a checkout that was killed
            (self.target / ".git" / lock).unlink(missing_ok=True)

    def _is_ours(self, git: Git) -> bool:
        if not (self.target / ".git").is_dir():
            return False
        try:
            return git.run("config", "--local", "remote.origin.url").strip() == self.place.shown
        except GitFailed:
            return False  # a broken clone is begun anew

    def _fetched(self, git: Git) -> str:
        """The commit to check out, fetched with as much history as is wanted."""
        say(f"Fetching {self.place.shown}.")
        if self.wanted.depth > 0:
            return self._shallow(git)
        words = ["--unshallow"] if (self.target / ".git" / "shallow").exists() else []
        heads = f"+refs/heads/*:{_ORIGIN}*"
        refs = [heads, *([] if self.wanted.tags is False else [_TAGS])]
        words += ["--no-tags"] if self.wanted.tags is False else []
        if self._is_special():
            refs.append(f"+{self.wanted.branch or 'HEAD'}:{self._local_name()}")
        self._fetch(git, *words, "--prune", "--force", "origin", *refs)
        return self._commit(git)

    def _shallow(self, git: Git) -> str:
        depth = f"--depth={self.wanted.depth}"
        branch = self.wanted.branch or "HEAD"
        if self.wanted.tags:
            self._fetch(git, depth, "--force", "origin", _TAGS)
        if _COMMIT.fullmatch(self.wanted.commit):
            try:
                git.run("fetch", "--quiet", "--no-tags", depth, "origin", self.wanted.commit)
            except GitFailed:
                say("The server gives no single commits; fetching the branch.")
                refspec = f"+{branch}:{self._local_name()}"
                self._fetch(git, "--no-tags", "--force", "origin", refspec)
            return self._commit(git)
        self._fetch(git, "--no-tags", "--force", depth, "origin", f"+{branch}:{self._local_name()}")
        return self._commit(git)

    def _fetch(self, git: Git, *words: str) -> None:
        try:
            git.run("fetch", "--quiet", "--no-recurse-submodules", *words)
        except GitFailed as error:
            if "find remote ref" in error.said or "invalid refspec" in error.said:
                raise self._no_branch() from None
            if "does not appear to be a git repository" in error.said or (
                self.place.path is not None and not self.place.path.exists()
            ):
                raise CannotFetch(
                    f"There is no git repository at {self.place.shown} that this machine can read."
                ) from None
            raise

    def _commit(self, git: Git) -> str:
        wanted = self.wanted.commit or self._local_name()
        try:
            words = ("rev-parse", "--verify", "--quiet", "--end-of-options")
            return git.run(*words, f"{wanted}^{{commit}}").strip()
        except GitFailed:
            if not self.wanted.commit:
                raise self._no_branch() from None
            raise CannotFetch(
                f"{self.place.shown} has no commit {self.wanted.commit[:60]}. Was the branch "
                f"{self.wanted.branch or 'it was on'} rewritten since the build was queued?"
            ) from None

    def _no_branch(self) -> CannotFetch:
        return CannotFetch(
            f"{self.place.shown} has no branch {self.wanted.branch or '(default)'}. Queue the "
            "build with a branch that is there, or change the definition's default branch."
        )

    def _is_special(self) -> bool:
        """A ref beside branches and tags, such as that of a pull request, is fetched by name."""
        branch = self.wanted.branch
        return not branch or not branch.startswith(("refs/heads/", "refs/tags/"))

    def _local_name(self) -> str:
        """Where the wanted ref is kept here."""
        branch = self.wanted.branch
        if self._is_special():
            return "refs/quaymaster/wanted"
        return branch if branch.startswith("refs/tags/") else _ORIGIN + branch[len("refs/heads/") :]

    # ---- submodules --------------------------------------------------------------------------

    def _parent(self) -> Address:
        """The repository as its submodules see it: strangers could name any of the same server."""
        if not self.wanted.of_strangers:
            return self.place
        return replace(self.place, user="", password="", private_key="")

    def _submodules(self, directory: Path, parent: Address, level: int) -> None:
        """Those of one repository, each address checked, then theirs if nested ones are wanted."""
        if not (directory / ".gitmodules").is_file():
            return
        if level > DEEPEST:
            raise CannotFetch(f"Submodules are nested more than {DEEPEST} levels deep.")
        with git_for([parent], directory, self.reach) as git:
            git.run("submodule", "--quiet", "init")
            git.run("submodule", "--quiet", "sync")
            found = [(path, self._module(parent, url)) for path, url in _modules(git)]
            links = _links(git)
        places = [place for _, place in found]
        with git_for([parent, *places], directory, self.reach) as git:
            depth = [f"--depth={self.wanted.depth}"] if self.wanted.depth else []
            git.run("submodule", "--quiet", "update", "--force", *depth)
        for path, place in found:
            if path not in links:
                continue
            say(f"Checked out submodule {path}")
            if self.wanted.submodules == "nested":
                self._submodules(directory / path, place, level + 1)

    def _module(self, parent: Address, url: str) -> Address:
        """Where a submodule is; the sign-in of the repository goes to its own host only."""
        found = address(url)
        if found.path is not None and self.place.path is None:
            raise CannotFetch(f"A submodule names the path {url[:200]} on this machine.")
        if found.path is None and parent.path is None and found.origin == parent.origin:
            return address(url, _same_sign_in(parent))
        return found

    def _without_program(self) -> None:
        """On a machine without git: the files of the commit, without their history."""
        if self.place.scheme == "ssh" or self.wanted.submodules or self.wanted.lfs:
            raise CannotFetch(
                "Repositories over ssh, submodules and Git LFS need the git program, which is not "
                "on this machine. Install it where the worker runs."
            )
        say("##[warning]There is no git program on this machine: .git and history are left out.")
        empty(self.target)
        branch = self.wanted.branch.removeprefix("refs/heads/")
        check_out(
            {
                "source": self.place.shown,
                "version": self.wanted.commit or branch or "HEAD",
                "target": str(self.target),
                "mirrors": str(self.aside / "_mirrors"),
                "user": self.place.user,
                "password": self.place.password,
                "connection": self.place.signed_in_with,
                "allowed": [*self.reach.allowed.networks, *self.reach.allowed.hosts],
            }
        )


def _modules(git: Git) -> list[tuple[str, str]]:
    """Path and address of each submodule as git has registered it.

    Git is asked for the addresses that it will call: of two sections of .gitmodules for one path it
    takes one by rules of its own.
    """
    written = _sections(git.run("config", "--file", ".gitmodules", "--null", "--list"))
    registered = _sections(git.run("config", "--local", "--null", "--list"))
    return [
        (one.get("path", ""), registered[name]["url"])
        for name, one in written.items()
        if "url" in registered.get(name, {})
    ]


def _sections(listed: str) -> dict[str, dict[str, str]]:
    """Path and address of each submodule, by its name, of settings that git listed."""
    found: dict[str, dict[str, str]] = {}
    for entry in listed.split("\0"):
        key, _, value = entry.partition("\n")
        section, _, rest = key.partition(".")
        name, _, what = rest.rpartition(".")
        if section == "submodule" and what in ("path", "url"):
            found.setdefault(name, {})[what] = value
    return found


def _links(git: Git) -> set[str]:
    """The paths at which the commit has other repositories."""
    listed = git.run("ls-files", "--stage", "-z").split("\0")
    return {
        path for mode, _, path in (one.partition("\t") for one in listed) if mode[:6] == "160000"
    }


def _same_sign_in(place: Address) -> Endpoint:
    parameters = {"username": place.user, "password": place.password}
    data = {"PrivateKey": place.private_key}
    return Endpoint("", "", "git", parameters=parameters, data=data)


if __name__ == "__main__":
    sys.exit(main())
