"""What a project says of all its pipelines (PipelineGeneralSettings of the contract)."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PipelineRules:
    """What can be chosen: whether only variables marked so may be set when a build is queued
    (SEMANTICS 5.3), whether badges are for people who signed in, and whether pipelines of the
    designer may be made."""

    limits_variables: bool = True
    badges_are_private: bool = False
    refuses_build_designer: bool = False
    refuses_release_designer: bool = False
