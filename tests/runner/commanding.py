"""What a line that holds a logging command asks for."""

from quaymaster.runner import effects as e
from quaymaster.runner.logging_commands import Rules, interpret, parse

ID = "5f3c7f0e-1111-4a0a-9c11-000000000001"
OTHER = "5f3c7f0e-1111-4a0a-9c11-000000000002"


def effect(line: str, rules: Rules | None = None) -> e.Effect:
    command = parse(line)
    assert command is not None
    return interpret(command, rules)
