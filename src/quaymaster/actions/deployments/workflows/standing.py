"""Where a workflow outside stands, in a sentence for people."""

from quaymaster.domain.workflows import TITLES, Method
from quaymaster.store.candidates.workflow_runs import RunState, WorkflowRun


def standing(run: WorkflowRun) -> str:
    """Who has to do what next, and what went wrong so far."""
    who = TITLES[run.workflow.method]
    what = f"run {run.workflow.target}" if run.workflow.method is not Method.WEBHOOK else "do it"
    problem = f" {run.problem}" if run.problem else ""
    again = f" It is asked again at {run.due_at:%H:%M:%S} UTC." if run.due_at else ""
    match run.state:
        case RunState.UNSENT if run.attempts:
            return f"{who} could not be asked to {what} ({run.attempts} times).{problem}{again}"
        case RunState.UNSENT:
            return f"{who} is about to be asked to {what}."
        case RunState.SENDING:
            return f"Whether {who} was asked to {what} is being found out.{problem}"
        case RunState.SENT if run.run_id:
            where = f" at {run.url}" if run.url else f" as {run.run_id}"
            return f"{who} runs it{where}; it waits for the end of that.{problem}"
        case RunState.SENT if run.workflow.method is Method.WEBHOOK:
            return "The webhook was told; it has yet to call back with how it went."
        case RunState.SENT:
            return (
                f"{who} was asked to {what}; which run that became is looked for, or told by the "
                f"run itself.{problem}"
            )
        case _:
            return ""
