"""The command of a worker: it runs the jobs of releases."""

import platform
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated

import uvloop
from cyclopts import Parameter
from cyclopts.validators import Number

from quaymaster.actions.announcements.deliveries import Announcer
from quaymaster.actions.ports.outside import Outside
from quaymaster.apis.aviator.webhooks.announcer import AviatorAnnouncer
from quaymaster.apis.azure.service_hooks.announcer import AzureAnnouncer
from quaymaster.cli import options
from quaymaster.cli.options import Home
from quaymaster.domain.errors import Invalid
from quaymaster.server import access
from quaymaster.server.installation import outside
from quaymaster.server.stopping import stop_signal
from quaymaster.worker import main as workers
from quaymaster.worker.registration import DEFAULT_CONCURRENCY, Membership, Options


@dataclass(frozen=True, slots=True)
class Joins:
    """The deployment group of which the machine becomes a target."""

    deployment_group: Annotated[
        str, Parameter(help="Be a target of this deployment group, and take no jobs of a pool.")
    ] = ""
    project: Annotated[str, Parameter(help="The deployment group's project.")] = "Default"
    tag: Annotated[
        tuple[str, ...], Parameter(negative=(), help="A tag of this target; give it once for each.")
    ] = ()

    @property
    def membership(self) -> Membership | None:
        """What the machine joins; a comma list is as good as several tags."""
        if not self.deployment_group:
            if self.tag:
                raise Invalid("Tags are for targets: name the group with --deployment-group.")
            return None
        named = [part.strip() for tag in self.tag for part in tag.split(",")]
        return Membership(self.deployment_group, self.project, tuple(filter(None, named)))


ANNOUNCERS: dict[str, Announcer] = {"azure": AzureAnnouncer(), "aviator": AviatorAnnouncer()}


def worker(
    *,
    pool: Annotated[str, Parameter(help="The agent pool whose jobs it takes.")] = "Default",
    name: Annotated[
        str | None, Parameter(help="What it is called; the host's name if not given.")
    ] = None,
    joins: Annotated[Joins | None, Parameter(name="*")] = None,
    concurrency: Annotated[
        int | None,
        Parameter(
            validator=Number(gte=1, lte=256),
            help="How many jobs it runs at once; 4, or 1 for a target.",
        ),
    ] = None,
    drain: Annotated[
        int,
        Parameter(validator=Number(gte=0), help="Seconds for running jobs to end when stopped."),
    ] = 300,
    home: Home = None,
    until_input_ends: Annotated[bool, Parameter(show=False, negative=())] = False,
) -> None:
    """Run the jobs of releases, on this or any machine that reaches the database."""
    settings = options.settings(home)
    membership = joins.membership if joins else None
    asked = Options(
        dsn=access.dsn_of_running(settings),
        home=settings.home,
        storage_url=settings.storage_url,
        secret_key_file=settings.secret_key_file,
        url=settings.public_url or "",
        pool=pool,
        name=name or platform.node(),
        concurrency=concurrency or (1 if membership else DEFAULT_CONCURRENCY),
        capabilities=settings.capabilities,
        lease=timedelta(seconds=settings.worker_lease_seconds),
        sweep=timedelta(seconds=settings.sweep_seconds),
        drain=timedelta(seconds=drain),
        membership=membership,
    )
    uvloop.run(_work(asked, outside(settings), until_input_ends=until_input_ends))


async def _work(asked: Options, around: Outside, *, until_input_ends: bool) -> None:
    stopping = stop_signal(until_input_ends=until_input_ends)
    await workers.run(asked, around, stopping, ANNOUNCERS)
