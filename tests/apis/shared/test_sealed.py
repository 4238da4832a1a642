"""Without the key that its secrets were sealed with, the product says so and loses nothing."""

from dataclasses import replace

import httpx

from quaymaster.apis.aviator import router as aviator
from quaymaster.apis.azure import router as azure
from quaymaster.store.storage.vault import open_vault
from tests.apis.aviator.server import Aviator, serving
from tests.apis.azure.server import BASE, MAX_BODY, elsewhere
from tests.documents import definition, stage

SECRET = "hunter2-and-more"


async def test_secrets_of_another_key_are_a_503_that_names_the_key_file(database, tmp_path):
    async with serving(database, tmp_path) as here:
        await here.made()
        hook = {"url": "https://example.org/", "actions": ["deployment_status"], "key": SECRET}
        made = await here.in_project("POST", "/webhooks", json=hook)
        assert made.status_code == 201, made.text
        variables = {"token": {"value": SECRET, "isSecret": True}}
        kept = await here.azure.made(
            "definitions", definition("Web", stage("Dev"), variables=variables)
        )
        vault = open_vault(tmp_path / "another.key")
        installation = replace(here.azure.installation, vault=vault)
        inner = azure.edge(elsewhere, lambda: installation, MAX_BODY)
        app = aviator.edge(inner, lambda: installation, MAX_BODY)
        transport = httpx.ASGITransport(app=app)  # type: ignore[arg-type]
        async with httpx.AsyncClient(transport=transport, base_url=BASE) as client:
            without = Aviator(replace(here.azure, client=client))
            path = f"definitions/{kept['id']}"
            refused = [
                await without.azure.project("GET", path),
                await without.azure.project("PUT", "definitions", json=kept),
            ]
            listed = await without.in_project("GET", "/webhooks")
        for answer in refused:
            assert answer.status_code == 503, answer.text
            assert "not in the key file" in answer.json()["message"]
            assert SECRET not in answer.text
        [hook] = listed.json()
        assert "cannot be opened" in hook["error_message"]
        assert SECRET not in listed.text
        assert (await here.azure.seen(path))["revision"] == 1
