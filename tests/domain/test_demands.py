"""What a phase demands of a worker (SEMANTICS 12.7)."""

import pytest

from quaymaster.domain.demands import unmet, written
from quaymaster.domain.plan import Demand

OFFERED = {"Agent.Version": "3.1.0", "java": "", "OS": "Linux"}


@pytest.mark.parametrize(
    "demand",
    [
        Demand("JAVA"),
        Demand("os", "linux"),
        Demand("agent.version", "3.1", at_least=True),
        Demand("agent.version", "2.144.0", at_least=True),
        Demand("java", ""),
    ],
)
def test_met(demand):
    assert unmet([demand], OFFERED) == ()


@pytest.mark.parametrize(
    "demand",
    [
        Demand("docker"),
        Demand("os", "windows"),
        Demand("agent.version", "3.1.1", at_least=True),
        Demand("agent.version", "3.10", at_least=True),
        Demand("os", "1.0", at_least=True),
        Demand("agent.version", "new", at_least=True),
        Demand("agent.version", "9" * 5000, at_least=True),
    ],
)
def test_unmet(demand):
    assert unmet([Demand("java"), demand], OFFERED) == (demand,)


def test_as_people_write_it():
    demands = (Demand("a"), Demand("b", "1"), Demand("c", "2.0", at_least=True))
    assert [written(demand) for demand in demands] == ["a", "b -equals 1", "c -gtVersion 2.0"]
