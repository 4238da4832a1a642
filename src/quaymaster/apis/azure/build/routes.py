"""All routes of the build area."""

from litestar.types import ControllerRouterHandler

from quaymaster.apis.azure.build import (
    artifacts,
    badges,
    builds,
    definitions,
    folders,
    leases,
    overviews,
    settings,
    stages,
    tags,
    timelines,
    validations,
)

ROUTES: list[ControllerRouterHandler] = [
    *definitions.ROUTES,
    *builds.ROUTES,
    *tags.ROUTES,
    *timelines.ROUTES,
    *artifacts.ROUTES,
    *leases.ROUTES,
    *overviews.ROUTES,
    *stages.ROUTES,
    *validations.ROUTES,
    *settings.ROUTES,
    *badges.ROUTES,
    *folders.ROUTES,
]
