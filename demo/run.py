"""`make demo`: three versions of a web site on their way through Dev, QA and Prod.

The first one arrives, after the people asked have approved. The second one fails its smoke test
in QA and never reaches Prod. A third one is pushed, built, and released to Dev by itself.
Everything is done through Microsoft's unmodified `azure-devops` package, and everything that is
claimed is checked over HTTP; exit status 1 when it is not so.
"""

import argparse
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from demo import chain, definition, site, targets
from demo.product import DemoFailed, Product, start

PROJECT = "Default"
WAIT_SECONDS = 30
PEOPLE = {"quinn": "Quinn (QA lead)", "olga": "Olga (operations)", "petra": "Petra (product)"}
ENDED = {"succeeded", "partiallySucceeded", "rejected", "canceled"}

console = Console(highlight=False, soft_wrap=True)


@dataclass(slots=True)
class Story:
    """What the steps share."""

    product: Product
    places: list[targets.Target]
    began: float
    people: dict[str, str] = field(default_factory=dict)  # name → identity id
    clients: dict[str, Any] = field(default_factory=dict)  # name → release client
    runs: list[tuple[str, str, str, str, str]] = field(default_factory=list)

    def say(self, text: str) -> None:
        """One line with the time of day and the seconds since the demo began."""
        clock = datetime.now(UTC).strftime("%H:%M:%S.%f")[:-3]
        console.print(f"[dim]{clock}Z {time.monotonic() - self.began:6.2f} s[/]  {text}")

    def check(self, holds: bool, text: str) -> None:
        """State something; the demo fails when it is not so."""
        if not holds:
            raise DemoFailed(f"not so: {text}")
        self.say(f"[green]✔[/] {text}")


def connection(product: Product, token: str) -> Any:
    """A connection of the azure-devops package, as any script would make it."""
    from azure.devops.connection import Connection  # noqa: PLC0415 - after the cache is set
    from msrest.authentication import BasicAuthentication  # noqa: PLC0415

    credentials = BasicAuthentication("", token)
    return Connection(base_url=f"{product.url}/default", creds=credentials)


def client(product: Product, token: str) -> Any:
    """A release client of that package."""
    return connection(product, token).clients_v7_1.get_release_client()


def wait_for(what: str, found: Callable[[], Any]) -> Any:
    """What `found` returns as soon as it is something; DemoFailed when that takes too long."""
    deadline = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < deadline:
        if answer := found():
            return answer
        time.sleep(0.03)
    raise DemoFailed(f"{what} did not happen within {WAIT_SECONDS} s")


def set_up_people(story: Story) -> None:
    story.clients["admin"] = client(story.product, story.product.admin_token)
    for name, shown in PEOPLE.items():
        command = story.product.command
        story.people[name] = command("user", "create", name, "--display-name", shown)
        command("group", "add", "Readers", name, "--project", PROJECT)
        token = command("token", "create", "--user", name)
        story.clients[name] = client(story.product, token)
    story.say(f"people: {', '.join(PEOPLE.values())}")


def create_definition(story: Story, repository: Path) -> Any:
    asked = {
        "QA": {"pre": [story.people["quinn"]]},
        "Prod": {"pre": [story.people["olga"]], "post": [story.people["petra"]]},
    }
    document = definition.definition(str(repository), story.places, asked)
    made = story.clients["admin"].create_release_definition(document, PROJECT)
    names = " → ".join(environment.name for environment in made.environments)
    story.say(f"definition {made.id} [bold]{made.name}[/], revision {made.revision}: {names}")
    return made


def create_release(story: Story, made: Any, version: str, commit: str) -> Any:
    metadata = {
        "definitionId": made.id,
        "description": f"Harbour news {version}",
        "artifacts": [{"alias": "site", "instanceReference": {"id": commit, "name": version}}],
    }
    release = story.clients["admin"].create_release(metadata, PROJECT)
    story.say(f"release {release.id} [bold]{release.name}[/] of site {version} created")
    return release


def approve(story: Story, release: Any, stage: str, side: str, person: str) -> None:
    """Wait until the person is asked, check that nobody else may answer, and approve."""

    def asked() -> Any:
        approvals = story.clients[person].get_approvals(
            PROJECT,
            assigned_to_filter=story.people[person],
            release_ids_filter=[release.id],
            type_filter=side,
        )
        return next((a for a in approvals if a.release_environment.name == stage), None)

    approval = wait_for(f"the {side} approval of {stage}", asked)
    stranger = next(name for name in PEOPLE if name != person)
    story.check(_is_refused(story, approval, stranger), f"{PEOPLE[stranger]} may not approve it")
    answer = {"status": "approved", "comments": "looks good"}
    story.clients[person].update_release_approval(answer, PROJECT, approval.id)
    story.say(f"{PEOPLE[person]} approved {stage} ({side}) of {release.name}")


def _is_refused(story: Story, approval: Any, stranger: str) -> bool:
    from azure.devops.exceptions import AzureDevOpsServiceError  # noqa: PLC0415

    try:
        story.clients[stranger].update_release_approval(
            {"status": "approved"}, PROJECT, approval.id
        )
    except AzureDevOpsServiceError:
        return True
    return False


def stage_ends(story: Story, release: Any, stage: str, expected: str) -> None:
    admin = story.clients["admin"]

    def ended() -> Any:
        now = admin.get_release(PROJECT, release.id)
        found = next(e for e in now.environments if e.name == stage)
        return found if found.status in ENDED else None

    began = time.monotonic()
    found = wait_for(f"the end of {stage} of {release.name}", ended)
    took = f"{time.monotonic() - began:.2f} s"
    story.runs.append((release.name, release.description, stage, found.status, took))
    if found.status != expected:
        for problem in [*problems(found), *last_lines(admin, release, found)]:
            story.say(f"[red]{escape(problem)}[/]")
    story.check(found.status == expected, f"{stage} of {release.name}: {found.status}")


def problems(environment: Any) -> list[str]:
    """Everything that an environment's newest attempt says went wrong."""
    newest = environment.deploy_steps[-1]
    told = [issue.message for issue in newest.issues]
    for phase in newest.release_deploy_phases:
        for job in phase.deployment_jobs:
            for task in job.tasks:
                told += [f"{task.name}: {issue.message}" for issue in task.issues or []]
    return told


def last_lines(admin: Any, release: Any, environment: Any) -> list[str]:
    """The end of the log of each task of an environment that failed."""
    told = []
    for phase in environment.deploy_steps[-1].release_deploy_phases:
        for job in phase.deployment_jobs:
            for task in (task for task in job.tasks if task.status == "failed"):
                log = admin.get_task_log(PROJECT, release.id, environment.id, phase.id, task.id)
                told += b"".join(log).decode().splitlines()[-5:]
    return told


def check_served(story: Story, expected: dict[str, str]) -> None:
    for place in story.places:
        version = expected[place.name]
        served = place.running_version()
        story.check(served == version, f"{place.name} at {place.url} serves {served}")
        if version != "nothing":
            holds = place.page() == site.page(version)
            story.check(holds, f"the page of {place.name} is that of {version}")


def first_version(story: Story, made: Any, commit: str) -> None:
    release = create_release(story, made, site.GOOD, commit)
    stage_ends(story, release, "Dev", "succeeded")
    check_served(story, {"Dev": site.GOOD, "QA": "nothing", "Prod": "nothing"})
    approve(story, release, "QA", "preDeploy", "quinn")
    stage_ends(story, release, "QA", "succeeded")
    approve(story, release, "Prod", "preDeploy", "olga")
    approve(story, release, "Prod", "postDeploy", "petra")
    stage_ends(story, release, "Prod", "succeeded")
    check_served(story, {"Dev": site.GOOD, "QA": site.GOOD, "Prod": site.GOOD})
    show_log(story, release)


def second_version(story: Story, made: Any, commit: str) -> None:
    release = create_release(story, made, site.BROKEN, commit)
    stage_ends(story, release, "Dev", "succeeded")
    approve(story, release, "QA", "preDeploy", "quinn")
    stage_ends(story, release, "QA", "rejected")
    now = story.clients["admin"].get_release(PROJECT, release.id)
    prod = next(e for e in now.environments if e.name == "Prod")
    story.check(prod.status == "notStarted", f"Prod of {release.name} was never started")
    check_served(story, {"Dev": site.BROKEN, "QA": site.BROKEN, "Prod": site.GOOD})


def built_version(story: Story, repository: Path) -> None:
    """A push is built, and the build is released to Dev, without anybody asking for it."""
    admin, secret = story.clients["admin"], chain.new_secret()
    clients = connection(story.product, story.product.admin_token).clients_v7_1
    endpoints, builds = clients.get_service_endpoint_client(), clients.get_build_client()
    build = builds.create_definition(chain.build_definition(repository), PROJECT)
    endpoints.create_service_endpoint(chain.webhook(secret, build.project.id))
    document = chain.release_definition(build, story.places[0])
    made = admin.create_release_definition(document, PROJECT)
    branch, commit = site.push(repository, site.BUILT)
    again = [chain.tell(story.product, repository, branch, commit, secret) for _ in range(3)]
    story.check(again == [True, False, False], f"{site.BUILT} pushed; told 3 times, heard once")

    def released() -> Any:
        found = admin.get_releases(PROJECT, definition_id=made.id, expand="artifacts")
        return found[0] if found else None

    release = wait_for("the release of the build", released)
    (one,) = builds.get_builds(PROJECT, definitions=[build.id])
    is_it = (one.result, one.source_version) == ("succeeded", commit)
    story.check(is_it, f"build {one.build_number} of {branch}: {one.result}")
    release.description = f"build {one.build_number}"
    stage_ends(story, release, "Dev", "succeeded")
    check_served(story, {"Dev": site.BUILT, "QA": site.BROKEN, "Prod": site.GOOD})


def show_log(story: Story, release: Any) -> None:
    """Read one task's log through the client, as a person would who wants to know."""
    admin = story.clients["admin"]
    now = admin.get_release(PROJECT, release.id)
    prod = next(e for e in now.environments if e.name == "Prod")
    phase = prod.deploy_steps[-1].release_deploy_phases[0]
    task = next(t for t in phase.deployment_jobs[0].tasks if t.name == "Switch to it")
    log = b"".join(admin.get_task_log(PROJECT, release.id, prod.id, phase.id, task.id)).decode()
    said = next((line for line in log.splitlines() if "from now on" in line), "")
    story.check("Prod serves v1.0" in said, f"its log says: {said.partition(' ')[2]}")


def conclusion(story: Story) -> None:
    deployments = Table(title="Deployments", title_justify="left")
    for heading in ("release", "version", "stage", "result", "waited for"):
        deployments.add_column(heading)
    for run in story.runs:
        deployments.add_row(*run)
    running = Table(title="What runs where", title_justify="left")
    for heading in ("environment", "address", "version"):
        running.add_column(heading)
    for place in story.places:
        running.add_row(place.name, place.url, place.running_version())
    console.print(deployments)
    console.print(running)


def tell(folder: Path, keep: bool) -> None:
    began = time.monotonic()
    repository = folder / "harbour-news"
    repository.mkdir()
    commits = site.generate(repository)
    places = [targets.serve(name, folder / "sites" / name) for name in ("Dev", "QA", "Prod")]
    product = start(folder / "home")
    story = Story(product, places, began)
    try:
        story.say(f"started on an empty home at {product.url}")
        set_up_people(story)
        made = create_definition(story, repository)
        first_version(story, made, commits[site.GOOD])
        second_version(story, made, commits[site.BROKEN])
        built_version(story, repository)
        conclusion(story)
        if keep:
            console.print(
                f"Still running: {product.url}/default  (admin token below); Ctrl-C ends."
            )
            console.print(product.admin_token)
            product.process.wait()
    except KeyboardInterrupt:
        console.print("stopping")
    finally:
        product.stop()
        for place in places:
            place.stop()


def _kept_log(folder: Path) -> Path:
    """The server's log, moved beside the demo's folder, which is about to be removed."""
    return (folder / "quaymaster.log").rename(folder.with_suffix(".log"))


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--keep", action="store_true", help="leave everything running")
    keep = arguments.parse_args().keep
    folder = Path(tempfile.mkdtemp(prefix="quaymaster-demo-"))
    folder.chmod(0o755)
    os.environ["AZURE_DEVOPS_CACHE_DIR"] = str(folder / "client-cache")
    try:
        tell(folder, keep)
    except DemoFailed as failure:
        console.print(f"[red]The demo failed:[/] {escape(str(failure))}")
        console.print(f"What the server said is kept in {_kept_log(folder)}")
        return 1
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
