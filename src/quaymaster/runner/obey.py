"""Does what a task's logging commands ask for, to its step and to the job (SEMANTICS 15.3-15.5)."""

from datetime import UTC, datetime

from quaymaster.domain.variables import Variable, VariableError
from quaymaster.protocol.job import (
    Attachment,
    Detail,
    Endpoint,
    Issue,
    JobResult,
    OutputVariable,
    ReleaseRenamed,
    StepProgress,
)
from quaymaster.runner import effects, publishing
from quaymaster.runner.attaching import LONGEST_NAME, CannotAttach
from quaymaster.runner.details import Details
from quaymaster.runner.environment import is_true
from quaymaster.runner.logging_commands import Rules, interpret, parse
from quaymaster.runner.results import merge
from quaymaster.runner.step import StepRun
from quaymaster.runner.tasks.definition import TaskDefinition

DONE_SECONDS = 5.0
MOST_DETAILS = 500
LONGEST_SHOWN = 2048


class Obedience:
    """Takes the lines with commands of one step's process, one by one, in order."""

    def __init__(self, step: StepRun, task: TaskDefinition) -> None:
        self._step = step
        self._state = step.state
        self._outputs = {name.lower() for name in task.output_variables}
        self._job_id = step.state.message.job_id
        self._is_build = step.state.message.host_type == "build"
        self._details = Details()
        variables = step.state.expanded
        self._rules = Rules(
            host=step.state.message.host_type,
            restricted=task.restricted,
            settable_variables=task.settable_variables,
            multiline_secrets=is_true(
                variables, "SYSTEM_UNSAFEALLOWMULTILINESECRET", default=False
            ),
        )
        self._decode_percents = is_true(variables, "DECODE_PERCENTS", default=True)

    def take(self, line: str) -> None:
        """Obey one line; what cannot be read as a command is printed, with a warning."""
        command = parse(line, decode_percents=self._decode_percents)
        if command is None:
            self._print_output(line)
            self._step.warning(
                "The line above looks like a logging command and could not be read as one; "
                "its form is ##vso[area.event name=value;]data."
            )
            return
        effect = interpret(command, self._rules)
        self._apply(effect, line)
        if not isinstance(effect, effects.Debug):  # only now is what the line holds masked
            self._step.debug(f"Processed: {self._state.masker.mask(line)[:LONGEST_SHOWN]}")

    def _apply(self, effect: effects.Effect, line: str) -> None:
        match effect:
            case effects.CommandError():
                self._state.masker.add(effect.secret)
                if effect.shows_line:
                    self._print_output(line)
                self._step.command_failed(effect.message)
            case effects.CommandWarning():
                self._state.masker.add(effect.secret)
                self._step.warning(effect.message)
            case effects.Debug():
                self._step.debug(effect.text)
            case effects.LogIssue():
                self._issue(effect)
            case effects.SetProgress():
                self._progress(effect.percent, effect.operation)
            case effects.Complete():
                self._complete(effect)
            case _:
                self._change(effect)

    def _change(self, effect: effects.Effect) -> None:
        """Effects on what follows: variables, paths, connections, records, files."""
        match effect:
            case effects.SetVariable():
                self._set_variable(effect)
            case effects.SetSecret():
                self._state.masker.add(effect.value)
            case effects.SetTaskVariable():
                self._set_task_variable(effect)
            case effects.PrependPath():
                self._state.paths = [
                    effect.path,
                    *(path for path in self._state.paths if path != effect.path),
                ]
            case effects.SetEndpoint():
                self._set_endpoint(effect)
            case effects.LogDetail():
                self._detail(effect)
            case effects.AddAttachment():
                self._attach(effect.type, effect.name, effect.path)
            case effects.UploadSummary():
                self._attach(effects.SUMMARY, effect.name, effect.path)
            case effects.UploadFile():
                self._attach(effects.FILE_ATTACHMENT, effect.name, effect.path)
            case effects.UpdateReleaseName():
                self._rename_release(effect.name)
            case (
                effects.ArtifactUpload()
                | effects.ArtifactAssociate()
                | effects.AddBuildTag()
                | effects.UpdateBuildNumber()
            ):
                self._publish(effect)
            case effects.TelemetryIgnored():
                return
            case _:
                self._step.warning(
                    f"{type(effect).__name__} is not supported by this runner; nothing was kept."
                )

    def _publish(self, effect: publishing.Publishing) -> None:
        """A release has nothing to keep it with (SEMANTICS 15.5)."""
        if self._is_build:
            self._step.publish(publishing.message(self._step, effect))
        else:
            self._step.warning(f"{type(effect).__name__} is for builds; nothing was kept.")

    def _print_output(self, text: str) -> None:
        self._step.log.write(self._state.masker.mask(text)[:LONGEST_SHOWN])

    def _issue(self, effect: effects.LogIssue) -> None:
        data = {"category": effect.category, **effect.properties}
        is_error = effect.kind is effects.IssueKind.ERROR
        issue = Issue("error" if is_error else "warning", effect.message, data)
        self._step.issue(issue, effect.line)

    def _progress(self, percent: int, operation: str) -> None:
        self._state.outbox.send(
            StepProgress(
                job_id=self._job_id,
                step_id=self._step.step.id,
                percent=percent,
                operation=self._state.masker.mask(operation),
            )
        )

    def _complete(self, effect: effects.Complete) -> None:
        self._step.result = merge(self._step.result, JobResult(effect.result.name))
        if effect.message:
            self._step.debug(effect.message)
        self._progress(100, effect.message)
        if effect.done:
            self._step.finish_in(DONE_SECONDS)

    def _set_variable(self, effect: effects.SetVariable) -> None:
        if effect.is_secret:
            self._state.masker.add(effect.value)
        variable = Variable(
            effect.name,
            effect.value,
            is_secret=effect.is_secret,
            is_read_only=effect.is_read_only,
            preserve_case=effect.preserve_case,
        )
        reference = self._reference(effect)
        refuse = is_true(self._state.expanded, "agent.readOnlyVariables", default=False)
        try:
            warnings = self._state.variables.set(
                variable, output_of=reference, refuse_read_only=refuse
            )
        except VariableError as error:
            self._step.command_failed(str(error))
            return
        for warning in warnings:
            self._step.warning(warning)
        if reference is not None:
            self._send_output(f"{reference}.{effect.name}")
        elif effect.name in self._state.variables:
            self._mask_if_secret(effect.name)

    def _reference(self, effect: effects.SetVariable) -> str | None:
        """The reference name of the step when the variable is an output of it, else None.

        A name that the task declares as an output is one, too, if the step has a reference name.
        """
        reference = self._step.step.reference_name
        is_declared = bool(reference) and effect.name.lower() in self._outputs
        return reference if effect.is_output or is_declared else None

    def _set_task_variable(self, effect: effects.SetTaskVariable) -> None:
        if effect.is_secret:
            self._state.masker.add(effect.value)
        own = self._state.variables_of_task(self._step.step.task_number)
        if effect.name in own and own[effect.name].is_read_only:
            self._step.warning(f"Task variable '{effect.name}' is read-only and was set again")
        own.put(
            Variable(
                effect.name,
                effect.value,
                is_secret=effect.is_secret,
                is_read_only=effect.is_read_only,
            )
        )

    def _mask_if_secret(self, name: str) -> None:
        """A secret set anew without saying so is still one (SEMANTICS 16.6)."""
        if self._state.variables[name].is_secret:
            self._state.masker.add(self._state.variables[name].value)

    def _send_output(self, name: str) -> None:
        variable = self._state.variables[name]
        self._mask_if_secret(name)
        self._state.outbox.send(
            OutputVariable(
                job_id=self._job_id,
                step_id=self._step.step.id,
                name=self._state.masker.mask(name),
                value="" if variable.is_secret else self._state.masker.mask(variable.value),
                is_secret=variable.is_secret,
                hidden=variable.value if variable.is_secret and self._is_build else "",
            )
        )

    def _set_endpoint(self, effect: effects.SetEndpoint) -> None:
        known = self._state.endpoints.get(effect.id.lower())
        if effect.part is effects.EndpointField.AUTH_PARAMETER:
            self._state.masker.add(effect.value)
        if known is None:
            self._step.command_failed(f"The job has no connection with the id {effect.id}.")
            return
        self._state.endpoints[effect.id.lower()] = _changed(known, effect)

    def _detail(self, effect: effects.LogDetail) -> None:
        known = self._details.records
        if effect.id not in known and len(known) >= MOST_DETAILS:
            self._step.warning(f"A step keeps {MOST_DETAILS} detail records; this one is ignored.")
            return
        outcome = self._details.with_detail(effect)
        if isinstance(outcome, effects.CommandError):
            self._step.command_failed(outcome.message)
            return
        self._details, record = outcome
        mask = self._state.masker.mask
        self._state.outbox.send(
            Detail(
                job_id=self._job_id,
                step_id=self._step.step.id,
                id=record.id,
                fields={name: mask(value) for name, value in _told(record).items()},
            )
        )

    def _attach(self, kind: str, name: str, path: str) -> None:
        mask = self._state.masker.mask
        if len(mask(kind)) > LONGEST_NAME or len(mask(name)) > LONGEST_NAME:
            self._step.command_failed(
                f"Cannot attach {path}: its type or name is longer than {LONGEST_NAME} characters."
            )
            return
        try:
            copy = self._state.attached(path)
        except CannotAttach as error:
            self._step.command_failed(f"Cannot attach {name} from {path}: {error}.")
            return
        self._state.outbox.send(
            Attachment(
                job_id=self._job_id,
                step_id=self._step.step.id,
                attachment_type=mask(kind),
                name=mask(name),
                path=str(copy),
            )
        )

    def _rename_release(self, name: str) -> None:
        self._state.variables.put(Variable("Release.ReleaseName", name, is_read_only=True))
        self._state.outbox.send(
            ReleaseRenamed(job_id=self._job_id, name=self._state.masker.mask(name))
        )


def _changed(endpoint: Endpoint, effect: effects.SetEndpoint) -> Endpoint:
    parameters, data, url = dict(endpoint.parameters), dict(endpoint.data), endpoint.url
    match effect.part:
        case effects.EndpointField.AUTH_PARAMETER:
            parameters[effect.key] = effect.value
        case effects.EndpointField.DATA_PARAMETER:
            data[effect.key] = effect.value
        case effects.EndpointField.URL:
            url = effect.value
    return Endpoint(
        id=endpoint.id,
        name=endpoint.name,
        type=endpoint.type,
        url=url,
        scheme=endpoint.scheme,
        parameters=parameters,
        data=data,
    )


def _told(record: effects.LogDetail) -> dict[str, str]:
    """What is known of a record, as text, under the names of the timeline."""
    known = {
        "parentId": record.parent_id,
        "type": record.type,
        "name": record.name,
        "order": record.order,
        "startTime": _time(record.started_at),
        "finishTime": _time(record.finished_at),
        "percentComplete": record.percent,
        "state": record.state.value if record.state else None,
        "result": record.result.name if record.result is not None else None,
        "currentOperation": record.operation,
    }
    return {name: str(value) for name, value in known.items() if value is not None}


def _time(moment: datetime | None) -> str | None:
    return moment.astimezone(UTC).isoformat() if moment else None
