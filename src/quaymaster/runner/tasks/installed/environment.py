"""A task's connections and its own variables, as its environment has them (SEMANTICS 18.4)."""

import json
from collections.abc import Iterable, Iterator, Mapping

from quaymaster.domain.ordinal import upper
from quaymaster.domain.variables import VariableSet, env_name
from quaymaster.protocol.job import SYSTEM_CONNECTION, Endpoint, SecureFile
from quaymaster.runner.tasks.definition import Input

_CONNECTION = "connectedservice"
_SECURE_FILE = "securefile"


def connection_inputs(declared: Iterable[Input]) -> frozenset[str]:
    """The inputs of the type connectedService:…, by all their names, in lower case."""
    return _names(declared, _CONNECTION)


def secure_file_inputs(declared: Iterable[Input]) -> frozenset[str]:
    """The same of the type secureFile."""
    return _names(declared, _SECURE_FILE)


def _names(declared: Iterable[Input], kind: str) -> frozenset[str]:
    return frozenset(
        name.lower()
        for entry in declared
        if entry.type.lower().startswith(kind)
        for name in (entry.name, *entry.aliases)
    )


def named_connections(declared: Iterable[Input], inputs: Mapping[str, str]) -> list[str]:
    """The ids or names that the connections' inputs hold, as written; commas separate."""
    return _words(declared, inputs, _CONNECTION)


def named_secure_files(declared: Iterable[Input], inputs: Mapping[str, str]) -> list[str]:
    """The same of the secure files' inputs."""
    return _words(declared, inputs, _SECURE_FILE)


def _words(declared: Iterable[Input], inputs: Mapping[str, str], kind: str) -> list[str]:
    return [
        part.strip()
        for entry in declared
        if entry.type.lower().startswith(kind)
        for part in inputs.get(entry.name.lower(), "").split(",")
        if part.strip()
    ]


def of_secure_file(file: SecureFile, name: str) -> dict[str, str]:
    """The variables of one secure file under the word that an input has for it (18.4)."""
    return {f"SECUREFILE_NAME_{name}": file.name, f"SECUREFILE_TICKET_{name}": file.ticket}


def of_connection(endpoint: Endpoint, name: str) -> dict[str, str]:
    """The variables of one connection under a name: its id in lower case, or as an input has it.

    Keys are there in both spellings: the published agent's, and the one that the task library
    looks for when a key has dots or blanks (18.8).
    """
    is_system = name == SYSTEM_CONNECTION
    environment = {
        f"ENDPOINT_URL_{name}": endpoint.url,
        f"ENDPOINT_AUTH_{name}": json.dumps(
            {"parameters": endpoint.parameters, "scheme": endpoint.scheme}, separators=(",", ":")
        ),
        f"ENDPOINT_AUTH_SCHEME_{name}": endpoint.scheme,
        **dict(_keyed(f"ENDPOINT_AUTH_PARAMETER_{name}_", endpoint.parameters)),
    }
    if not is_system:
        environment[f"ENDPOINT_DATA_{name}"] = json.dumps(endpoint.data, separators=(",", ":"))
        environment.update(_keyed(f"ENDPOINT_DATA_{name}_", endpoint.data))
    return environment


def _keyed(prefix: str, values: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for key, value in values.items():
        yield prefix + upper(key), value
        yield prefix + env_name(key), value


def of_task_variables(variables: VariableSet) -> dict[str, str]:
    """The variables that the sections of one task share, secret or not."""
    return {
        f"VSTS_TASKVARIABLE_{env_name(variable.name)}": variable.value
        for variable in variables.values()
    }
