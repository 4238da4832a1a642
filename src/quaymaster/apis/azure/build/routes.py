"""All routes of the build area."""

from litestar.types import ControllerRouterHandler

from quaymaster.apis.azure.build import (
    artifacts,
    attachments,
    badges,
    builds,
    definitions,
    folders,
    leases,
    overviews,
    resources,
    settings,
    source_providers,
    stages,
    surroundings,
    tags,
    templates,
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
    *attachments.ROUTES,
    *surroundings.ROUTES,
    *source_providers.ROUTES,
    *badges.ROUTES,
    *folders.ROUTES,
    *templates.ROUTES,
    *resources.ROUTES,
]
