"""All routes of the build area."""

from litestar.types import ControllerRouterHandler

from quaymaster.apis.azure.build import definitions, folders

ROUTES: list[ControllerRouterHandler] = [
    *definitions.ROUTES,
    *folders.ROUTES,
]
