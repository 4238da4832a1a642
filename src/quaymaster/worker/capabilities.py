"""What a worker offers, for phases that demand something of it (SEMANTICS 12.7)."""

import platform
import shutil
from collections.abc import Mapping

from quaymaster.runner.environment import AGENT_VERSION, is_own

# The capability's published name, and the programs any of which proves it.
TOOLS = {
    "bash": ("bash",),
    "sh": ("sh",),
    "curl": ("curl",),
    "git": ("git",),
    "node.js": ("node",),
    "node": ("node",),
    "npm": ("npm",),
    "python": ("python", "python3"),
    "python3": ("python3",),
    "pwsh": ("pwsh",),
    "PowerShell": ("pwsh", "powershell"),
    "docker": ("docker",),
    "kubectl": ("kubectl",),
    "helm": ("helm",),
    "terraform": ("terraform",),
    "ansible": ("ansible",),
    "az": ("az",),
    "java": ("java",),
    "maven": ("mvn",),
    "ant": ("ant",),
    "make": ("make",),
    "cmake": ("cmake",),
    "dotnet": ("dotnet",),
    "ruby": ("ruby",),
    "rsync": ("rsync",),
    "ssh": ("ssh",),
}
SYSTEMS = {"Darwin": "Darwin", "Linux": "Linux", "Windows": "Windows_NT"}


def offered(
    name: str, environment: Mapping[str, str], declared: Mapping[str, str]
) -> dict[str, str]:
    """What the machine is and has, and what its operator declared, which wins.

    Of the environment only the names: its values may be secrets, and everybody sees capabilities.
    """
    return {
        **{key: "" for key in environment if not is_own(key)},
        **_tools(),
        "Agent.Name": name,
        "Agent.ComputerName": platform.node(),
        "Agent.MachineName": platform.node(),
        "Agent.OS": SYSTEMS.get(platform.system(), platform.system()),
        "Agent.OSArchitecture": platform.machine(),
        "Agent.OSVersion": platform.release(),
        "Agent.Version": AGENT_VERSION,
        **declared,
    }


def _tools() -> dict[str, str]:
    """The path of each tool that is installed."""
    found = {
        tool: next((path for program in programs if (path := shutil.which(program))), None)
        for tool, programs in TOOLS.items()
    }
    return {tool: path for tool, path in found.items() if path}
