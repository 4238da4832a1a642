"""The parts of the product one by one, as for many machines on one PostgreSQL."""

import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.server.product import COMMAND, Product, clean_environment
from tests.server.waiting import until


class Part(Product):
    """One command that runs until it is told to stop."""

    def begin(self, *words: str) -> "Part":
        with self.output.open("ab") as log:
            self.process = subprocess.Popen(
                [*COMMAND, *words, "--home", str(self.home)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self.environment,
                start_new_session=True,
            )
        return self

    def has_said(self, words: str) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, self.said()
        return words in self.said()


@pytest.fixture
def part(tmp_path: Path, fresh_database_url: str) -> Iterator[Callable[[str], Part]]:
    """Make a part of the product that works on this test's database, by a name."""
    made: list[Part] = []

    def make(name: str) -> Part:
        made.append(Part(tmp_path / name, {"QUAYMASTER_DATABASE_URL": fresh_database_url}))
        return made[-1]

    yield make
    for one in made:
        if one.process is not None:
            one.stop(signal.SIGKILL)


def test_the_api_alone_serves_and_stops(part):
    api = part("api")
    api.begin("serve", "--port", str(api.port))
    until(lambda: api.has_said("Serving") and api.is_ready(), "the API to be ready")
    assert [process.name() for process in api.processes()[1:]] == []  # neither database nor worker
    assert api.stop() == 0


def test_two_workers_share_a_home_and_stop_when_told(part):
    worker, other = part("workers"), part("workers")
    other.output = other.output.with_suffix(".other")
    for one in (worker, other):
        one.begin("worker", "--concurrency", "1")
        until(lambda one=one: one.has_said("worker started"), "the worker to start")
    assert worker.stop() == 0
    assert other.stop(signal.SIGINT) == 0


def test_a_worker_for_a_pool_that_does_not_exist_says_so(part):
    worker = part("lost").begin("worker", "--pool", "Nowhere")
    assert worker.process.wait(60) == 1
    assert "There is no agent pool named 'Nowhere'" in worker.said()


def test_the_environment_of_the_tests_does_not_reach_the_product(monkeypatch):
    monkeypatch.setenv("QUAYMASTER_PORT", "1")
    assert "QUAYMASTER_PORT" not in clean_environment()
