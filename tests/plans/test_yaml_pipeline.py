"""YAML pipelines: what is compiled, and what is refused by its name and line."""

import pytest

from quaymaster.domain.build_plan import BuildPlan, ProcessType
from quaymaster.domain.errors import Invalid
from quaymaster.domain.plan import VariablePlan
from quaymaster.plans.yaml_pipeline import compile_yaml


def compiled(text, **changes):
    definition = BuildPlan(process=ProcessType.YAML, yaml_path="ci.yml", **changes)
    return compile_yaml(text, definition, {}, {})


def refused(text):
    with pytest.raises(Invalid) as error:
        compiled(text)
    return " ".join([error.value.message, *error.value.problems])


def test_steps_alone_are_one_job():
    plan = compiled("""
name: Web-$(Rev:r)
variables:
  color: blue
steps:
- script: echo hello
  displayName: Greet
  env: {A: b}
- bash: ./test.sh
  condition: succeededOrFailed()
  continueOnError: true
- pwsh: Get-Date
- task: CopyFiles@2
  inputs: {Contents: '**', TargetFolder: out}
- publish: out
  artifact: site
""")
    [job] = plan.jobs
    assert [task.display_name for task in job.work.tasks] == [
        "Greet",
        "Bash",
        "PowerShell",
        "CopyFiles",
        "PublishPipelineArtifact",
    ]
    assert job.work.tasks[0].environment == {"A": "b"}
    assert job.work.tasks[1].condition == "succeededOrFailed()"
    assert job.work.tasks[2].inputs["pwsh"] == "true"
    assert plan.number_format == "Web-$(Rev:r)"
    assert plan.variables["color"] == VariablePlan("blue")


def test_jobs_wait_for_one_another_in_whatever_order_they_stand():
    plan = compiled("""
jobs:
- job: B
  dependsOn: [A]
  timeoutInMinutes: 5
  steps: [{script: b}]
- job: A
  displayName: First
  steps: [{checkout: none}, {script: a}]
""")
    assert [(job.key, job.depends_on) for job in plan.jobs] == [("A", ()), ("B", ("A",))]
    assert [job.checks_out for job in plan.jobs] == [False, True]
    assert plan.jobs[1].work.timeout.total_seconds() == 300


def test_a_matrix_makes_a_job_of_each_leg_and_others_wait_for_all():
    plan = compiled("""
jobs:
- job: Test
  strategy:
    matrix:
      old: {version: 3.8}
      new: {version: '3.12'}
  steps: [{script: test}]
- job: Done
  dependsOn: Test
  steps: [{script: done}]
""")
    assert [job.key for job in plan.jobs] == ["Test.old", "Test.new", "Done"]
    assert plan.jobs[0].variables == {"version": "3.8"}
    assert plan.jobs[2].depends_on == ("Test.old", "Test.new")


def test_stages_follow_the_one_before_unless_they_say_otherwise():
    plan = compiled("""
stages:
- stage: Build
  jobs: [{job: J, steps: [{script: a}]}]
- stage: Test
  variables: [{name: x, value: 1}]
  jobs: [{job: J, steps: [{script: a}]}]
- stage: Lint
  dependsOn: []
  condition: always()
  jobs: [{job: J, steps: [{script: a}]}]
""")
    assert [(stage.name, stage.depends_on) for stage in plan.stages] == [
        ("Build", ()),
        ("Test", ("Build",)),
        ("Lint", ()),
    ]
    assert [job.key for job in plan.jobs] == ["Build.J", "Test.J", "Lint.J"]
    assert plan.jobs[1].variables == {"x": "1"}


def test_variables_of_the_text_win_over_those_of_the_definition():
    plan = compiled(
        "variables: {Color: red}\nsteps: [{script: x}]",
        variables={"COLOR": VariablePlan("blue", allow_override=True), "b": VariablePlan("1")},
    )
    assert plan.variables == {"b": VariablePlan("1"), "Color": VariablePlan("red")}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("steps:\n- script: ${{ parameters.x }}", "line 2: template expressions"),
        ("steps:\n- template: steps.yml", "line 2: templates are not supported"),
        ("steps:\n- ${{ if x }}:\n  - script: a", "line 2"),
        ("parameters:\n- name: x\nsteps: [{script: a}]", "'parameters' is not supported"),
        ("extends:\n  template: x", "'extends' is not supported"),
        ("steps:\n- script: a\n  target: c", "line 3: 'target' is not supported"),
        ("jobs:\n- deployment: D\n  environment: E", "line 2: 'deployment' is not supported"),
        ("jobs:\n- job: A\n  container: c\n  steps: [{script: a}]", "'container'"),
        ("steps:\n- task: NoSuch@1", "the task 'NoSuch@1' cannot be run here"),
        ("steps:\n- task: Bash", "names no version"),
        ("steps:\n- script: a\n  condition: eq(1,", "line 3: the condition cannot be read"),
        ("jobs:\n- job: A\n  dependsOn: B\n  steps: [{script: a}]", "there is no job 'B'"),
        ("variables:\n- group: g\nsteps: [{script: a}]", "'group' is not supported"),
        ("variables:\n  a: $[ 1 ]\nsteps: [{script: a}]", "'a' is computed"),
        ("steps:\n- checkout: other", "'other' is not supported"),
        ("steps:\n- script: a\n  enabled: maybe", "'maybe' is neither true nor false"),
        ("steps: [{script: a}]\njobs: []", "one of stages, jobs and steps"),
        ("- a\n- b", "names and values are needed"),
        ("steps: [", "this is no YAML"),
        ("", "is empty"),
        ("steps:\n- script: a\n  script: b", "stands here twice"),
        ("steps:\n- !!python/object/apply:os.system [ls]", "line 2"),
    ],
)
def test_what_is_not_supported_is_refused_by_name_and_line(text, said):
    assert said in refused(text)


def test_jobs_in_a_circle_are_refused():
    text = """
jobs:
- {job: A, dependsOn: B, steps: [{script: a}]}
- {job: B, dependsOn: A, steps: [{script: a}]}
"""
    assert "circle" in refused(text)


def test_aliases_are_followed_but_cannot_stand_for_a_huge_text():
    plan = compiled("jobs:\n- {job: A, steps: &s [{script: a}]}\n- {job: B, steps: *s}")
    assert [len(job.work.tasks) for job in plan.jobs] == [1, 1]
    bomb = ["a: &a [x, x, x, x, x, x, x, x, x]"]
    for number in range(8):
        before, name = "abcdefghi"[number], "abcdefghij"[number + 1]
        bomb.append(f"{name}: &{name} [{', '.join([f'*{before}'] * 9)}]")
    assert "values" in refused("\n".join(bomb))
    assert "deep" in refused("a: &a [*a]")
