"""Which service does the work of which method."""

from collections.abc import Mapping

from quaymaster.actions.ports.outside import WebClient
from quaymaster.actions.ports.workflows import WorkflowService
from quaymaster.connectors.workflows.buildkite import Buildkite
from quaymaster.connectors.workflows.github_actions import GitHubActions
from quaymaster.connectors.workflows.gitlab import GitLab
from quaymaster.connectors.workflows.webhook import Webhook
from quaymaster.domain.workflows import Method


def services(client: WebClient) -> Mapping[str, WorkflowService]:
    """All of them, asked through one guarded client."""
    return {
        Method.GITHUB_ACTIONS: GitHubActions(client),
        Method.BUILDKITE: Buildkite(client),
        Method.GITLAB: GitLab(client),
        Method.WEBHOOK: Webhook(client),
    }
