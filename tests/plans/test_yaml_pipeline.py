"""YAML pipelines: what is compiled, and what is refused by its name and line."""

import tracemalloc

import pytest

from quaymaster.domain.build_plan import BuildPlan, GroupPlan, ProcessType
from quaymaster.domain.build_triggers import BuildTriggers, PullRequestTrigger, PushTrigger
from quaymaster.domain.errors import Invalid
from quaymaster.domain.plan import PhaseKind, VariablePlan
from quaymaster.plans.yaml_pipeline import compile_yaml
from quaymaster.plans.yaml_triggers import file_triggers


def compiled(text, *linked, **changes):
    definition = BuildPlan(process=ProcessType.YAML, yaml_path="ci.yml", **changes)
    return compile_yaml(text, definition, {}, {}, linked=frozenset(linked))


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
        ("pool: server\nsteps:\n- task: Delay", "line 3: 'Delay' names no version"),
        ("steps:\n- script: a\n  condition: eq(1,", "line 3: the condition cannot be read"),
        ("jobs:\n- job: A\n  dependsOn: B\n  steps: [{script: a}]", "there is no job 'B'"),
        ("steps: [{script: a}]\nvariables:\n  a: $[ eq(1 ]", "line 3: the variable 'a' cannot be"),
        (
            "steps: [{script: a}]\nvariables:\n- group: vault",
            "ci.yml line 3: the variable group 'vault' is not linked to the definition; link it in",
        ),
        ("steps: [{script: a}]\nvariables:\n- template: v.yml", "line 3: templates are not"),
        ("steps: [{script: a}]\nvariables:\n- {name: a, value: b, readonly: true}", "'readonly'"),
        (
            "jobs:\n- job: A\n  variables: [{group: g}]\n  steps: [{script: a}]",
            "line 3: a variable",
        ),
        ("steps: [{script: a}]\nschedules:\n- cron: 0 0 * * *", "line 3: 'schedules' is not"),
        ("steps: [{script: a}]\nresources: {repositories: []}", "line 2: 'resources' is not"),
        ("steps: [{script: a}]\nlockBehavior: sequential", "line 2: 'lockBehavior' is not"),
        ("steps: [{script: a}]\nappendCommitMessageToRunName: false", "line 2: 'appendCommit"),
        ("jobs: [{job: A, steps: []}]\ntimeoutInMinutes: 5", "line 2: 'timeoutInMinutes' is not"),
        ("steps: [{script: a}]\ntrigger: {batchh: true}", "line 2: 'batchh' is not supported in a"),
        ("steps: [{script: a}]\npr: {drafts: false}", "line 2: 'drafts' is not supported in pr"),
        ("steps: [{checkout: self, path: x}]", "'path' is not supported in a checkout step"),
        ("steps: [{checkout: self, submodules: deep}]", "'deep' is none of true, false"),
        ("steps: [{checkout: self, persistCredentials: true}]", "'persistCredentials' is not"),
        ("steps: [{bash: a, noProfile: false}]", "'noProfile' is not supported in a bash step"),
        ("steps: [{downloadBuild: a}]", "'downloadBuild' is no step"),
        ("steps: [{getPackage: a}]", "'getPackage' is no step"),
        ("steps: [{reviewApp: a}]", "'reviewApp' is no step"),
        ("steps: [{download: current}]", "cannot be downloaded by its own jobs"),
        ("pool: server\nsteps:\n- script: a", "line 3: 'script' needs an agent"),
        ("pool: server\nsteps:\n- task: Bash@3", "line 3: the task 'Bash@3' cannot be run without"),
        (
            "jobs:\n- job: A\n  workspace: {clean: some}\n  steps: [{script: a}]",
            "line 3: 'clean' is",
        ),
        ("jobs:\n- job: A\n  services: {db: x}\n  steps: [{script: a}]", "line 3: 'services' is"),
        ("jobs:\n- job: A\n  uses: {pools: []}\n  steps: [{script: a}]", "line 3: 'uses' is not"),
        ("jobs:\n- job: A\n  strategy: {runOnce: x}\n  steps: [{script: a}]", "'runOnce' is not"),
        ("jobs:\n- job: A\n  strategy: {matrix: '$[x]'}\n  steps: [{script: a}]", "computed while"),
        ("stages:\n- stage: A\n  trigger: manual\n  jobs: []", "line 3: 'trigger' is not"),
        ("stages:\n- stage: A\n  isSkippable: false\n  jobs: []", "line 3: 'isSkippable' is not"),
        ("steps:\n- script: a\n- checkout: self", "line 3: the sources come before everything"),
        ("steps:\n- checkout: self\n- checkout: none", "line 3: the sources come before"),
        ("steps:\n- checkout: self\n  condition: never()", "line 3: 'condition' is not supported"),
        ("jobs:\n- job: A.B\n  steps: [{script: a}]", "line 2: 'A.B' is no name of a job"),
        ("stages:\n- stage: 1st\n  jobs: [{job: A, steps: []}]", "'1st' is no name of a stage"),
        ("stages:\n- template: s.yml", "line 2: 'template' is not supported in a stage"),
        ("jobs:\n- template: j.yml", "line 2: 'template' is not supported here"),
        ("steps:\n- script: a\n  condition: dependencies.A.result", "line 3: the condition cannot"),
        ("steps:\n- checkout: other", "'other' is not supported"),
        ("steps:\n- script: a\n  enabled: maybe", "'maybe' is neither true nor false"),
        ("steps: [{script: a}]\njobs: []", "one of stages, jobs and steps"),
        ("- a\n- b", "names and values are needed"),
        ('steps:\n- script: "a\\0b"', "line 2: a text holds a NUL or half of a character"),
        ('steps:\n- script: a\n  env: {"x\\ud800": 1}', "line 3: this is no YAML: found invalid"),
        ("steps: [", "this is no YAML"),
        ('steps: [{script: "\\UFFFFFFFF"}]', "this is no YAML"),
        ('steps: [{script: "\\U00110000"}]', "this is no YAML"),
        (f"%YAML 1.{'1' * 5000}\n---\nsteps: [{{script: a}}]", "this is no YAML"),
        (f"jobs:\n- job: {'A' * 101}\n  steps: [{{script: a}}]", "too long a name of a job"),
        (
            f"jobs:\n- job: A\n  strategy: {{matrix: {{{'b' * 101}: {{}}}}}}\n  steps: []",
            "too long a name of a leg",
        ),
        ("jobs:\n" + "- {job: A, steps: []}\n" * 257, "line 2: these are 257 jobs; 256 are"),
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


def test_a_file_of_too_many_values_is_refused_before_all_of_it_is_read():
    tracemalloc.start()
    assert "values" in refused("steps:\n" + "- script: e\n" * 80_000)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 80_000 * 1000  # a kilobyte for each; three nodes take more


def test_aliases_of_a_long_text_are_refused():
    some = "".join(f"  a{number}: *x\n" for number in range(100))
    text = f"variables:\n  a: &x {'y' * 50_000}\n{some}steps: [{{script: a}}]"
    assert "comes to more than 4194304 characters, aliases followed" in refused(text)


def test_what_every_job_would_carry_is_bounded():
    jobs = "".join(f"  - {{job: A{number}, steps: [{{script: a}}]}}\n" for number in range(100))
    text = "stages:\n- stage: A\n  variables: {a: {}}\n  jobs:\n" + jobs
    assert "line 23: all jobs together come to more than" in refused(
        text.replace("{}", "y" * 900_000)
    )
    assert len(compiled(text.replace("{}", "y" * 100_000)).jobs) == 100


def test_jobs_that_are_written_backwards_are_put_in_order():
    waits = [
        f"- {{job: A{n}, dependsOn: A{n - 1}, steps: [{{script: a}}]}}" for n in range(99, 0, -1)
    ]
    plan = compiled("\n".join(["jobs:", *waits, "- {job: A0, steps: [{script: a}]}"]))
    assert [job.key for job in plan.jobs] == [f"A{n}" for n in range(100)]


def test_aliases_of_many_are_refused_before_they_fill_the_memory():
    many = 2500
    text = f"a: &a [{'x, ' * many}]\nb: [{'*a, ' * many}]"
    tracemalloc.start()
    assert "values" in refused(text)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < many * many  # a byte for each of them


def test_jobs_without_an_agent_run_the_tasks_of_that_kind():
    plan = compiled("""
jobs:
- job: Ask
  pool: server
  timeoutInMinutes: 4320
  steps:
  - task: Delay@1
    inputs: {delayForMinutes: 1}
  - task: ManualValidation@1
    inputs: {instructions: Look, onTimeout: resume}
""")
    [job] = plan.jobs
    assert job.work.kind is PhaseKind.SERVER
    assert not job.checks_out
    assert [task.display_name for task in job.work.tasks] == ["Delay", "ManualValidation"]
    assert job.work.timeout.total_seconds() == 4320 * 60


def test_an_installed_task_without_an_agent_is_known_by_its_name():
    desk = "0b1f4d52-6d3e-4f0a-9a57-3f1a6d1c9e77"
    text = "pool: server\nsteps:\n- task: AskDesk@1\n- task: AskDesk@2"
    here = BuildPlan(process=ProcessType.YAML, yaml_path="ci.yml")
    versions = {desk: frozenset({"1.2.3", "2.0.0"})}
    with pytest.raises(Invalid) as error:
        compile_yaml(text, here, {"askdesk": desk}, versions, {desk: frozenset({"1.2.3"})})
    [problem] = error.value.problems
    assert "'AskDesk@2' cannot be run without an agent" in problem


def test_a_matrix_may_run_a_few_at_once_and_variables_may_be_computed():
    plan = compiled(
        """
variables:
- group: Shop
- {name: n, value: "$[counter('x', 5)]"}
jobs:
- job: A
  workspace: {clean: all}
  strategy: {maxParallel: 1, matrix: {old: {v: 1}, new: {v: 2}}}
  steps: [{checkout: self, lfs: true, fetchTags: false}, {script: a, name: s}]
- job: B
  dependsOn: A
  condition: and(succeeded('A'), eq(dependencies.A.outputs['old.s.x'], '1'))
  variables: {x: "$[ dependencies.A.outputs['old.s.x'] ]"}
  steps: [{script: b}]
""",
        "shop",
    )
    old, _, after = plan.jobs
    assert old.group == GroupPlan("A", 1)
    assert (old.cleans_outputs, old.checkout and old.checkout.clean) == (True, True)
    assert old.checkout is not None
    assert (old.checkout.lfs, old.checkout.fetch_tags) == (True, False)
    assert after.variables["x"].startswith("$[")


@pytest.mark.parametrize(
    ("text", "push", "pull_request"),
    [
        ("trigger: none\npr: none", None, None),
        ("a: b", None, None),
        ("trigger: [main, rel/*]", PushTrigger(("+main", "+rel/*")), None),
        (
            "trigger: {batch: true, branches: {include: [a], exclude: [b]}, paths: {exclude: [d]}}",
            PushTrigger(("+a", "-b"), ("-d",), batch=True),
            None,
        ),
        ("trigger: {tags: {include: [v*]}}", PushTrigger(("+refs/tags/v*",)), None),
        ("pr: [main]", None, PullRequestTrigger(("+main",), auto_cancel=True)),
        (
            "pr: {autoCancel: false, branches: {include: [a]}}",
            None,
            PullRequestTrigger(("+a",), auto_cancel=False),
        ),
    ],
)
def test_a_file_says_which_pushes_and_pull_requests_are_built(text, push, pull_request):
    assert file_triggers(text, "ci.yml") == BuildTriggers(push, pull_request)


def test_where_a_file_is_silent_the_definition_decides_what_is_built():
    everything = {"silent_pushes": True, "silent_pull_requests": True}
    found = file_triggers("steps: []", "ci.yml", **everything)
    assert found == BuildTriggers(PushTrigger(), PullRequestTrigger(auto_cancel=True))
    found = file_triggers("trigger: none\npr: [main]", "ci.yml", **everything)
    assert found == BuildTriggers(None, PullRequestTrigger(("+main",), auto_cancel=True))
    assert file_triggers("trigger:\npr:", "ci.yml", **everything) == BuildTriggers()
