"""Plans of small documents, for tests of what a part of a document asks for."""

from quaymaster.plans.azure import compile_definition
from quaymaster.plans.azure_document import normalised
from tests import documents


def compiled(document):
    return compile_definition(normalised(document))


def one_stage(**changes):
    return compiled(documents.definition("Web", documents.stage("Dev", **changes))).stages[0]


def one_phase(**changes):
    return one_stage(deployPhases=[documents.phase(**changes)]).phases[0]


def one_task(**changes):
    return one_stage(tasks=[documents.bash("true", **changes)]).phases[0].tasks[0]
