"""The `quaymaster` command. Each command is loaded only when it is used, so that help is quick."""

import sys
from importlib.metadata import version

from cyclopts import App

app = App(
    name="quaymaster",
    help="A self-hosted release manager. `quaymaster up` starts everything on this machine.",
    version=lambda: version("quaymaster"),
)

# Where each command is, and its help: the first line stands in the list of commands.
_COMMANDS = {
    "up": (
        "quaymaster.cli.run:up",
        "Start everything on this machine.",
        "The database, its migrations, the APIs, and one worker.",
        "quaymaster up --home ~/quaymaster --port 8080",
    ),
    "serve": (
        "quaymaster.cli.run:serve",
        "Start the APIs alone.",
        "For many machines on one PostgreSQL, which QUAYMASTER_DATABASE_URL names.",
        "quaymaster serve --host 0.0.0.0",
    ),
    "worker": (
        "quaymaster.cli.work:worker",
        "Start a worker alone.",
        "It runs the jobs of releases; start as many as there is work for, on any machine.",
        "quaymaster worker --pool Default --concurrency 4",
    ),
    "pool create": (
        "quaymaster.cli.pools:create",
        "Add a pool of workers and print its id.",
        "Workers join by `quaymaster worker --pool`; every project gets a queue of its name.",
        "quaymaster pool create Linux",
    ),
    "pool list": (
        "quaymaster.cli.pools:show",
        "List the pools of workers.",
        "With the workers that are there now, and the queue id by which phases name the pool.",
        "quaymaster pool list --project Website",
    ),
    "deployment-group create": (
        "quaymaster.cli.people:create_deployment_group",
        "Add a deployment group and print its id.",
        "Phases name it by that id; machines join by `quaymaster worker --deployment-group`.",
        "quaymaster deployment-group create 'Web servers' --project Default",
    ),
    "migrate": (
        "quaymaster.cli.run:migrate",
        "Bring the database to the schema of this version.",
        "Does nothing when it is there. `up` does this by itself.",
        "quaymaster migrate",
    ),
    "token create": (
        "quaymaster.cli.people:create_token",
        "Make a personal access token and print it.",
        "It is shown this once and stored only as a hash; --name says in lists what it is for.",
        "quaymaster token create --user ann@example.com --name laptop --scope vso.release_execute",
    ),
    "token list": (
        "quaymaster.cli.people:show_tokens",
        "List the tokens of a person.",
        "Their ids, what for, when used last (to some minutes), how long valid; never their text.",
        "quaymaster token list --user ann@example.com",
    ),
    "token revoke": (
        "quaymaster.cli.people:revoke_token",
        "End a token, by its id.",
        "Whoever holds it is refused from that moment on.",
        "quaymaster token revoke 17",
    ),
    "user create": (
        "quaymaster.cli.people:create_user",
        "Add a person and print the id.",
        "People sign in with a token; see `quaymaster token create`.",
        "quaymaster user create ann@example.com --display-name 'Ann Lee'",
    ),
    "user disable": (
        "quaymaster.cli.people:disable_user",
        "Shut somebody out.",
        "All tokens of the person stop working at once. The last administrator cannot be shut out.",
        "quaymaster user disable ann@example.com",
    ),
    "user enable": (
        "quaymaster.cli.people:enable_user",
        "Let somebody in again.",
        "The tokens that are not revoked work as before.",
        "quaymaster user enable ann@example.com",
    ),
    "group create": (
        "quaymaster.cli.people:create_group",
        "Add a group of people and print its id.",
        "A group can approve, and can be given permissions.",
        "quaymaster group create 'Release board' --project Default",
    ),
    "group add": (
        "quaymaster.cli.people:add_to_group",
        "Put a person or a group into a group.",
        "Every project has Readers, Contributors, Release and Project Administrators.",
        "quaymaster group add Contributors ann@example.com --project Default",
    ),
    "group remove": (
        "quaymaster.cli.people:remove_from_group",
        "Take a person or a group out of a group.",
        "What they may do by other groups stays.",
        "quaymaster group remove Contributors ann@example.com --project Default",
    ),
    "project create": (
        "quaymaster.cli.people:create_project",
        "Add a project and print its id.",
        "It comes with its groups and with a queue for every agent pool.",
        "quaymaster project create Website --description 'The public site'",
    ),
    "explain": (
        "quaymaster.cli.explaining:explain",
        "Show every reason why a stage of a release is not deploying.",
        "Who can clear it, and when it clears by itself. RELEASE is the id of the release.",
        "quaymaster explain 17 Prod",
    ),
    "build explain": (
        "quaymaster.cli.explaining:explain_build",
        "Show what a build waits for.",
        "A paused pipeline, workers and demands, its place in the queue. BUILD is its id.",
        "quaymaster build explain 17",
    ),
    "freeze set": (
        "quaymaster.cli.freezes:set_freeze",
        "Let no deployment start, in a project or anywhere.",
        "From now until it is lifted, between two times, or again and again (--cron, --minutes).",
        "quaymaster freeze set 'Closing the books' --project Default --until 2027-01-01T00:00Z",
    ),
    "freeze list": (
        "quaymaster.cli.freezes:show",
        "List the freezes and windows that are not over.",
        "With their ids, by which they are lifted.",
        "quaymaster freeze list",
    ),
    "freeze lift": (
        "quaymaster.cli.freezes:lift",
        "End a freeze; what waited for that starts by itself.",
        "ID is the one that `quaymaster freeze list` shows.",
        "quaymaster freeze lift 7",
    ),
    "retention explain": (
        "quaymaster.cli.retention:explain",
        "Show which releases and builds retention would delete now, and why.",
        "Nothing is deleted; a worker does that once a day.",
        "quaymaster retention explain --kept",
    ),
    "connection create": (
        "quaymaster.cli.connections:create",
        "Add a service connection and print its id.",
        "A secret is read from standard input, never from the command line.",
        "quaymaster connection create Monitor --url https://monitor.example --scheme None",
    ),
    "connection list": (
        "quaymaster.cli.connections:show",
        "List the service connections of a project.",
        "Without what is secret of them.",
        "quaymaster connection list --project Website",
    ),
    "connection remove": (
        "quaymaster.cli.connections:remove",
        "Remove a service connection, by its name or id.",
        "Pipelines that name it fail at the task that does.",
        "quaymaster connection remove Monitor",
    ),
    "secrets rotate": (
        "quaymaster.cli.secrets:rotate",
        "Seal all secrets anew, with a new key.",
        "Older keys stay in the key file, which other machines need a copy of, until `forget`.",
        "quaymaster secrets rotate",
    ),
    "secrets forget": (
        "quaymaster.cli.secrets:forget",
        "Forget the older keys once everything was restarted.",
        "What one of them has sealed since is sealed anew before.",
        "quaymaster secrets forget",
    ),
    "task install": (
        "quaymaster.cli.tasks:install",
        "Install a task from a folder, a zip or an extension (.vsix).",
        "Workers of this home run it; QUAYMASTER_TASKS_DIR names another directory.",
        "quaymaster task install ./PublishSite-2.4.1.zip",
    ),
    "task list": (
        "quaymaster.cli.tasks:show",
        "List the installed tasks.",
        "With their versions, ids, and what runs them here.",
        "quaymaster task list",
    ),
    "task remove": (
        "quaymaster.cli.tasks:remove",
        "Remove one version of an installed task.",
        "A job that runs it at this moment may fail for it.",
        "quaymaster task remove PublishSite 2.4.1",
    ),
    "version": (
        "quaymaster.cli.about:print_version",
        "Print the version.",
        "The same as --version.",
        "quaymaster version",
    ),
}

_SUBJECTS = {
    "token": "Personal access tokens.",
    "user": "People.",
    "freeze": "When nothing may be deployed.",
    "build": "Builds.",
    "retention": "How long releases and builds are kept.",
    "group": "Groups of people.",
    "connection": "Service connections of a project.",
    "secrets": "The key that secret values are sealed with.",
    "project": "Projects.",
    "pool": "Workers that share their jobs.",
    "deployment-group": "Machines that a phase deploys to, each one of them.",
    "task": "Tasks that are installed on this machine.",
}

for _subject, _about in _SUBJECTS.items():
    app.command(App(name=_subject, help=_about))

for _words, (_where, _summary, _details, _example) in _COMMANDS.items():
    *_above, _name = _words.split()
    _owner = app[_above[0]] if _above else app
    _owner.command(_where, name=_name, help=f"{_summary}\n\n{_details}\n\nExample: {_example}")


def main() -> None:
    """Run the command line; what a person can put right is one sentence and exit code 1."""
    try:
        app()
    except Exception as error:
        from quaymaster.cli import printing  # noqa: PLC0415
        from quaymaster.cli.failures import is_for_people  # noqa: PLC0415 - loads the database driver

        if not is_for_people(error):
            raise
        printing.complain(error)
        sys.exit(1)


if __name__ == "__main__":
    main()
