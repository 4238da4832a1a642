"""The page about clients is what their tests call."""

from tools import coverage

# What scripts use most (CONTRACT B, marked MUST): both clients call every one of these.
MUST = {
    "GetApprovals",
    "UpdateReleaseApproval",
    "CreateReleaseDefinition",
    "GetReleaseDefinitions",
    "UpdateReleaseDefinition",
    "DeleteReleaseDefinition",
    "GetReleaseDefinition",
    "GetDeployments",
    "GetReleases",
    "CreateRelease",
    "UpdateRelease",
}


def test_the_page_is_up_to_date():
    assert coverage.PAGE.read_text("utf-8") == coverage.page(), "run `make docs`"


def test_both_clients_call_what_must_work():
    lines = coverage.page().splitlines()
    for name in MUST:
        assert f"| {name} | ✓ | ✓ | ✓ |" in lines
