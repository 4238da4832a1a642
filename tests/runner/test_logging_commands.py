"""Logging commands: what a line says, what it asks for, and how bad ones are turned away."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quaymaster.runner import effects as e
from quaymaster.runner.logging_commands import (
    KNOWN,
    MENTION,
    LoggingCommand,
    Rules,
    interpret,
    parse,
)
from tests.runner.commanding import ID, effect


def in_build(line: str) -> e.Effect:
    return effect(line, Rules(host="build"))


class TestReading:
    def test_a_command_in_the_middle_of_a_line(self) -> None:
        command = parse("12:00 ##vso[task.setvariable variable=a;isSecret=true]x]y")
        assert command is not None
        assert (command.area, command.event, command.data) == ("task", "setvariable", "x]y")
        assert dict(command.properties) == {"variable": "a", "isSecret": "true"}
        assert command.properties["ISSECRET"] == "true"

    def test_a_name_given_twice_keeps_the_last_value(self) -> None:
        command = parse("##vso[task.debug A=1;b=2;a=3]")
        assert command is not None
        assert dict(command.properties) == {"A": "3", "b": "2"}

    @pytest.mark.parametrize(
        ("written", "read"),
        [
            ("==a=b", {"a": "b"}),
            ("a=b=", {"a": "b="}),
            ("a==;b", {}),
            ("a= b ", {"a": " b "}),
            (";;a=1;;", {"a": "1"}),
        ],
    )
    def test_odd_properties(self, written: str, read: dict[str, str]) -> None:
        command = parse(f"##vso[task.debug {written}]")
        assert command is not None
        assert dict(command.properties) == read

    def test_a_percent_sign_is_unescaped_last_and_only_if_wanted(self) -> None:
        line = "##vso[task.debug a=%AZP253B]%AZP250A%25%5d"
        plain, kept = parse(line), parse(line, decode_percents=False)
        assert plain is not None
        assert kept is not None
        assert (plain.data, plain.properties["a"]) == ("%0A%25%5d", "%3B")
        assert kept.data == "%AZP250A%25%5d"

    @pytest.mark.parametrize(
        "line",
        [
            "##vso[task.debug",
            "##vso[task.debug x=1",
            "##vso[]",
            "##vso[ task.debug]",
            "##vso[task]",
            "##vso[a.b.c]",
            "##vso[\ttask.debug x]y",
            "##vso",
        ],
    )
    def test_a_failed_try_is_no_command_but_is_noticed(self, line: str) -> None:
        command = parse(line)
        assert command is None or isinstance(interpret(command), e.CommandWarning)
        assert MENTION in line

    @pytest.mark.parametrize("line", ["", "##[section]x", "##VSO[task.debug]x", "## vso[a.b]"])
    def test_ordinary_output(self, line: str) -> None:
        assert parse(line) is None
        assert MENTION not in line

    def test_neither_data_nor_properties_show_in_the_representation(self) -> None:
        command = parse("##vso[task.setendpoint key=hunter1]hunter2")
        assert "hunter" not in repr(command)
        assert "hunter2" not in repr(effect("##vso[task.setvariable variable=a]hunter2"))


OBEYED = [
    ("task.setvariable variable=a]b", e.SetVariable("a", "b")),
    ("TASK.SetVariable variable=a]", e.SetVariable("a", "")),
    (
        "task.setvariable variable=a;issecret=True;isoutput=TRUE;isreadonly= true;preservecase=1]b",
        e.SetVariable("a", "b", is_secret=True, is_output=True, is_read_only=True),
    ),
    ("task.setvariable variable=a]b%0Ac", e.SetVariable("a", "b\nc")),
    (
        "task.settaskvariable variable=a;issecret=true;isreadonly=true]b",
        e.SetTaskVariable("a", "b", is_secret=True, is_read_only=True),
    ),
    ("task.setsecret]b%0Ac", e.SetSecret("b\nc")),
    ("task.setsecret]", e.SetSecret("")),
    ("task.logissue type=error]m", e.LogIssue(e.IssueKind.ERROR, "m", "m")),
    (
        "task.issue type=Warning;source=CustomerScript;]m",
        e.LogIssue(e.IssueKind.WARNING, "m", "m", properties={"source": "CustomerScript"}),
    ),
    (
        "task.logissue type=warning;sourcepath=a.cs;linenumber=3;columnnumber=5;code=C1]m",
        e.LogIssue(
            e.IssueKind.WARNING,
            "m",
            "a.cs(3,5): warning C1: m",
            "Code",
            {"sourcepath": "a.cs", "linenumber": "3", "columnnumber": "5", "code": "C1"},
        ),
    ),
    (
        "task.logissue type=error;sourcepath=a.cs]m",
        e.LogIssue(e.IssueKind.ERROR, "m", "a.cs: error: m", "Code", {"sourcepath": "a.cs"}),
    ),
    ("task.complete result=Failed;done=true]m", e.Complete(e.TaskResult.Failed, "m", done=True)),
    ("task.complete result=1]", e.Complete(e.TaskResult.SucceededWithIssues)),
    ("task.setprogress value=50]m", e.SetProgress(50, "m")),
    ("task.setprogress value=99999999999]", e.SetProgress(0)),
    ("task.setprogress]", e.SetProgress(0)),
    ("task.addattachment type=T;name=n.txt]/tmp/f", e.AddAttachment("T", "n.txt", "/tmp/f")),
    ("task.uploadsummary]/tmp/s.md", e.UploadSummary("s.md", "/tmp/s.md")),
    ("build.uploadsummary]/tmp/s.md", e.UploadSummary("s.md", "/tmp/s.md")),
    ("task.uploadfile]C:\\logs\\a.log", e.UploadFile("a.log", "C:\\logs\\a.log")),
    ("task.prependpath]/opt/bin", e.PrependPath("/opt/bin")),
    (
        f"task.setendpoint id={{{ID.upper()}}};field=AUTHPARAMETER;key=k]v",
        e.SetEndpoint(ID, e.EndpointField.AUTH_PARAMETER, "k", "v"),
    ),
    (
        f"task.setendpoint id={ID};field=url]https://h/",
        e.SetEndpoint(ID, e.EndpointField.URL, "", "https://h/"),
    ),
    ("task.debug]m", e.Debug("m")),
    ("release.updatereleasename]R 2", e.UpdateReleaseName("R 2")),
    ("build.updatebuildnumber]1.2", e.UpdateBuildNumber("1.2")),
    ("build.addbuildtag]t", e.AddBuildTag("t")),
    ("build.uploadlog]/tmp/l", e.UploadBuildLog("/tmp/l")),
    ("telemetry.publish area=a;feature=b]{}", e.TelemetryIgnored()),
    (
        "artifact.associate artifactname=drop;a=1]\\\\server\\share",
        e.ArtifactAssociate("drop", "filepath", "\\\\server\\share", {"a": "1"}),
    ),
    (
        (
            "results.publish type=JUnit;resultFiles=a.xml, b.xml,;mergeResults=true;"
            "platform=x64;config=Release;runTitle=t;publishRunAttachments=false;"
            "failTaskOnFailedTests=true;testRunSystem=s]"
        ),
        e.PublishTestResults(
            "JUnit",
            ("a.xml", "b.xml"),
            merge=True,
            platform="x64",
            configuration="Release",
            run_title="t",
            publish_attachments=False,
            fail_on_failed_tests=True,
            test_run_system="s",
        ),
    ),
]


@pytest.mark.parametrize(("line", "expected"), OBEYED)
def test_what_a_command_asks_for(line: str, expected: e.Effect) -> None:
    assert effect(f"##vso[{line}") == expected


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("artifact.upload artifactname=a]/f", e.ArtifactUpload("a", "a", "/f")),
        ("artifact.upload artifactname=a;containerfolder=c]/f", e.ArtifactUpload("a", "c", "/f")),
        ("artifact.associate artifactname=a]#/1/a", e.ArtifactAssociate("a", "container", "#/1/a")),
        (
            (
                "codecoverage.publish codecoveragetool=Cobertura;summaryfile=s.xml;"
                "additionalcodecoveragefiles=a,b]"
            ),
            e.PublishCodeCoverage("Cobertura", "s.xml", additional_files=("a", "b")),
        ),
    ],
)
def test_what_only_builds_may_ask_for(line: str, expected: e.Effect) -> None:
    assert in_build(f"##vso[{line}") == expected
    assert isinstance(effect(f"##vso[{line}"), e.CommandError)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("task.setvariable]v", "'variable' is required"),
        ("task.setvariable variable=a;issecret=true]b%0Ac", "several lines"),
        ("task.setvariable variable=a%0Ab]v", "one line"),
        ("task.setvariable variable=a\0b]v", "one line"),
        ("task.complete]", "'result' must be one of"),
        ("task.complete result=failed]", "'result' must be one of"),
        ("task.complete result=Cancelled]", "'result' must be one of"),
        ("task.complete result=6]", "'result' must be one of"),
        ("task.logissue type=info]m", "error or warning"),
        ("task.logdetail]m", "'id' is required"),
        ("task.logdetail id=x]m", "GUID"),
        ("task.logdetail id=00000000-0000-0000-0000-000000000000]m", "other than zero"),
        (f"task.logdetail id={ID};parentid=x]m", "'parentid' must be a GUID"),
        ("task.addattachment type=T]f", "'name' is required"),
        ("task.addattachment name=n]f", "'type' is required"),
        ("task.addattachment type=../T;name=n]f", "must not hold a path"),
        ("task.addattachment type=T;name=n]", "path of a file is required"),
        ("task.uploadsummary]", "path of a file is required"),
        ("task.uploadfile]/tmp/", "name of a file"),
        ("task.prependpath]  ", "a directory is required"),
        ("task.prependpath]a%0Ab", "one line"),
        (f"task.setendpoint id={ID};field=x]v", "'field' must be one of"),
        (f"task.setendpoint id={ID}]v", "'field' is required"),
        ("task.setendpoint field=url]https://h/", "'id' is required"),
        ("task.setendpoint id=zz;field=url]https://h/", "'id' must be a GUID"),
        (f"task.setendpoint id={ID};field=url]blah", "must be absolute"),
        (f"task.setendpoint id={ID};field=url]https://[", "must be absolute"),
        (f"task.setendpoint id={ID};field=dataParameter]v", "'key' is required"),
        ("release.updatereleasename]", "new release name is required"),
        ("build.updatebuildnumber]", "new build number is required"),
        ("build.addbuildtag] ", "the tag is required"),
        ("artifact.associate artifactname=a]/local", "on a share"),
        ("artifact.associate]x", "'artifactname' is required"),
        ("results.publish type=JUnit]", "'resultFiles' is required"),
        ("task.detail]m", "no command of that name"),
        ("task.set\u200bvariable variable=a]v", "no command of that name"),
        ("codecoverage.publish]", "cannot be used in a release"),
    ],
)
def test_what_cannot_be_obeyed_fails_the_step_and_says_why(line: str, reason: str) -> None:
    found = effect(f"##vso[{line}")
    assert isinstance(found, e.CommandError)
    assert reason in found.message


@pytest.mark.parametrize("line", ["nosuch.thing]x", "t\u200bask.debug]x", "task.logissue]no type"])
def test_what_is_ignored_with_a_warning(line: str) -> None:
    assert isinstance(effect(f"##vso[{line}"), e.CommandWarning)


def test_a_line_for_another_kind_of_run_is_shown() -> None:
    found = effect("##vso[release.updatereleasename]x", Rules(host="build"))
    assert isinstance(found, e.CommandError)
    assert found.shows_line
    assert isinstance(effect("##vso[release.updatereleasename]x", Rules("deployment")), e.Effect)


def test_every_known_command_is_in_the_examples() -> None:
    shown = {line.split("]")[0].split(" ")[0].upper() for line, _ in OBEYED}
    others = {"TASK.LOGDETAIL", "ARTIFACT.UPLOAD", "CODECOVERAGE.PUBLISH"}
    known = {f"{area}.{event}" for area, held in KNOWN.items() for event in held.events}
    assert known == shown | others


def test_no_error_shows_a_value() -> None:
    for line in ("task.setvariable variable=a;issecret=true]hunter2%0A", "task.complete]hunter2"):
        assert "hunter2" not in str(effect(f"##vso[{line}"))


@pytest.mark.parametrize(
    "line",
    [
        "task.setvariable variable=a;issecret=true]hunter2%0Ax",
        "task.setvariable issecret=TRUE]hunter2%0Ax",
        "task.setendpoint id=x]hunter2%0Ax",
        "no.such issecret=true]hunter2%0Ax",
    ],
)
def test_what_was_meant_to_be_secret_comes_along_to_be_masked(line: str) -> None:
    found = effect(f"##vso[{line}")
    assert isinstance(found, e.CommandError | e.CommandWarning)
    assert found.secret == "hunter2\nx"


def test_secrets_of_several_lines_may_be_allowed() -> None:
    line = "##vso[task.setvariable variable=a;issecret=true]b%0Ac"
    found = effect(line, Rules(multiline_secrets=True))
    assert found == e.SetVariable("a", "b\nc", is_secret=True)


def test_a_megabyte_as_a_property_changes_nothing() -> None:
    name = "x" * 1_000_000
    assert isinstance(effect(f"##vso[task.setvariable variable={name}]v"), e.CommandError)
    assert isinstance(effect(f"##vso[task.{name}]v"), e.CommandError)
    assert parse("##vso[task.setvariable variable=" + name) is None
    many = ";".join(["a=b"] * 300_000)
    assert effect(f"##vso[task.debug {many}]x") == e.Debug("x")


events = [f"{area}.{event}".lower() for area, held in KNOWN.items() for event in held.events]
words = st.sampled_from(
    ["variable", "type", "id", "result", "field", "key", "name", "url", "error", "true", ID, "0"]
)
pieces = st.one_of(st.text(max_size=8), words, st.sampled_from(list("=;]%[ .\n\0")))
lines = st.builds(
    lambda event, rest: f"##vso[{event} {''.join(rest)}", st.sampled_from(events), st.lists(pieces)
)


@settings(max_examples=400)
@given(st.one_of(st.text(), lines), st.sampled_from(["release", "build", "deployment"]))
def test_any_line_is_read_and_answered(line: str, host: str) -> None:
    command = parse(line)
    if command is None:
        return
    assert "##vso[" in line
    found = interpret(command, Rules(host=host))
    assert isinstance(found, e.Effect)
    if isinstance(found, e.CommandError | e.CommandWarning):
        assert found.message


@settings(max_examples=200)
@given(st.text(min_size=1, max_size=20), st.text(max_size=30))
def test_what_a_sender_escapes_arrives(value: str, data: str) -> None:
    def escaped(text: str) -> str:
        for plain, escape in (("%", "%AZP25"), ("\r", "%0D"), ("\n", "%0A")):
            text = text.replace(plain, escape)
        return text

    in_property = escaped(value).replace("]", "%5D").replace(";", "%3B")
    command = parse(f"##vso[task.debug a={in_property}]{escaped(data)}")
    assert isinstance(command, LoggingCommand)
    assert command.data == data
    assert command.properties.get("a", "") == value.lstrip("=")
