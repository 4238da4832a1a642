"""Options that several commands share, laid over the settings of the environment."""

import os
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from quaymaster import settings as environment
from quaymaster.server import logs
from quaymaster.settings import Settings

Home = Annotated[
    Path | None,
    Parameter(name="--home", help="Where everything is kept; QUAYMASTER_HOME otherwise."),
]
Host = Annotated[
    str | None,
    Parameter(name="--host", help="Address to listen at; 127.0.0.1 unless QUAYMASTER_HOST is set."),
]
Port = Annotated[
    int | None,
    Parameter(name="--port", help="Port to listen at; 8080 unless QUAYMASTER_PORT is set."),
]


def settings(
    home: Path | None = None, host: str | None = None, port: int | None = None
) -> Settings:
    """The environment's settings with what the command line says instead; logging follows them.

    Raises SettingError.
    """
    overlay = {
        "QUAYMASTER_HOME": None if home is None else str(home),
        "QUAYMASTER_HOST": host,
        "QUAYMASTER_PORT": None if port is None else str(port),
    }
    given = {name: value for name, value in overlay.items() if value is not None}
    found = environment.read({**os.environ, **given})
    logs.set_up(found)
    return found
