"""The small installation of the workers' tests serves here as well."""

from tests.worker.conftest import world

__all__ = ["world"]
