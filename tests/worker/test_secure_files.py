"""An unmodified task fetches a secure file from the whole product, by its own libraries."""

from pathlib import Path

import httpx
import pytest

from quaymaster.runner.tasks.installed import installing
from quaymaster.runner.tasks.installed.directory import TaskDirectory
from tests.documents import definition, phase, stage, task
from tests.runner.installed_tasks import CERTIFICATE, built, libraries
from tests.server.product import Product
from tests.server.waiting import until

CONTENT = "-----BEGIN CERTIFICATE-----\nnobody may see this line\n-----END CERTIFICATE-----\n"
PASSWORD = "p4ss-of-the-site"


@pytest.fixture
def running(reachable_folder: Path) -> Product:
    modules = libraries()
    home = reachable_folder / "secure-files"
    made = built("Certificate", modules, reachable_folder / "built-certificate")
    installing.install(TaskDirectory(home / "tasks"), made)
    return Product(home)


def connection(client: httpx.Client) -> str:
    body = {
        "name": "Site",
        "type": "generic",
        "url": "https://site.example.com",
        "authorization": {
            "scheme": "UsernamePassword",
            "parameters": {"username": "quay", "password": PASSWORD},
        },
    }
    made: str = client.post("serviceendpoint/endpoints", json=body).json()["id"]
    return made


def logs_of(client: httpx.Client, release: int) -> dict[str, str]:
    """The log of each step of the one environment of a release, by the step's name."""
    shown = client.get(f"release/releases/{release}").json()
    [environment] = shown["environments"]
    found = {}
    for deploy_phase in environment["deploySteps"][-1]["releaseDeployPhases"]:
        for job in deploy_phase["deploymentJobs"]:
            for one in job["tasks"]:
                found[one["name"]] = client.get(one["logUrl"]).text
    return found


def test_a_job_fetches_the_secure_file_that_its_task_names(running: Product) -> None:
    try:
        running.start()
        token = running.admin_token()
        with httpx.Client(
            base_url=f"{running.url}/default/Default/_apis/", auth=("", token), timeout=60
        ) as client:
            _fetched(client)
    finally:
        running.stop()


def _fetched(client: httpx.Client) -> None:
    sent = client.post(
        "distributedtask/securefiles",
        params={"name": "site.pem"},
        content=CONTENT.encode(),
        headers={"Content-Type": "application/octet-stream"},
    )
    assert sent.status_code == 200, sent.text
    number = sent.json()["id"]
    inputs = {"secureFile": number, "site": connection(client)}
    steps = [task(CERTIFICATE, "1.*", "Install", inputs, refName="cert")]
    steps += [task("6c731c3c-3c68-459a-a5c9-bde6e6595b5b", "3.*", "Look", LOOK)]
    body = definition("Certified", stage("Dev", deployPhases=[phase(steps)]))
    made = client.post("release/definitions", json=body).json()
    release = client.post("release/releases", json={"definitionId": made["id"]}).json()["id"]

    def ended() -> bool:
        status = client.get(f"release/releases/{release}").json()["environments"][0]["status"]
        assert status not in ("rejected", "canceled"), "".join(logs_of(client, release).values())
        return bool(status == "succeeded")

    until(ended, "the deployment to succeed")
    logs = logs_of(client, release)
    told = "".join(logs.values())
    assert "fetched site.pem" in told
    assert f"showed {len(CONTENT)} characters to https://site.example.com" in told
    assert "mode trust, 8 retries" in told
    assert "ticket ***" in told
    assert "there still: false" in told
    assert "nobody may see" not in told
    assert PASSWORD not in told
    assert "tickets seen: 0" in told
    assert "/site.pem" in told
    alone = client.get(f"distributedtask/securefiles/{number}", params={"ticket": "guessed"})
    assert alone.status_code == 404


SEEN = 'echo "tickets seen: $(env | grep -c SECUREFILE_TICKET_)"; echo "at $(cert.secureFilePath)"'
LOOK = {"targetType": "inline", "script": SEEN}
