"""The end of a process, and forks."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from .conftest import FakeSidecar, free_port, output_of, run_python

START = """
import os, sys
from agent_performance import AgentPerformanceTracker
tracker = AgentPerformanceTracker(url=%r, exit_timeout=%r)
def record(attempt_id):
    tracker.record_attempt("A", "m", "i", True, 0.5, 1.0, attempt_id=attempt_id)
"""


def test_attempts_are_delivered_at_the_end_of_the_process(fake: FakeSidecar) -> None:
    output_of(run_python("-c", START % (fake.url, 30.0) + "record('at-end')"))
    assert fake.confirmed == ["at-end"]


def test_attempts_recorded_at_the_very_end_are_delivered_too(fake: FakeSidecar) -> None:
    # Registered before the package is imported, so that it runs after the handlers of the package.
    late = "import atexit\natexit.register(lambda: print(tracker.stats().dropped))\n"
    out = output_of(run_python("-c", late + START % (fake.url, 30.0) + "atexit.register(lambda: record('late'))"))
    assert fake.confirmed == ["late"]
    assert out == "0\n"


def test_a_sidecar_that_is_away_delays_the_end_by_no_more_than_the_deadline() -> None:
    code = START % (f"http://127.0.0.1:{free_port()}", 0.3) + "import time\nrecord('lost')\nprint(time.time())"
    out = output_of(run_python("-c", code))
    # Generous for a busy machine. Without a deadline it would retry permanently.
    assert time.time() - float(out) < 30


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_forked_child_delivers_its_own_attempts_and_the_parent_its_own(fake: FakeSidecar) -> None:
    code = START % (fake.url, 30.0) + """
tracker.flush(30)
record("parent-before")
child = os.fork()
if child == 0:
    record("child")
    assert tracker.close(30)
    os._exit(0)
record("parent-after")
assert os.waitpid(child, 0)[1] == 0
"""
    # From Python 3.12 on, a fork of a process with threads is a warning.
    output_of(run_python("-W", "ignore::DeprecationWarning", "-c", code))
    assert sorted(fake.confirmed) == ["child", "parent-after", "parent-before"]


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_a_child_of_multiprocessing_delivers_before_it_ends(fake: FakeSidecar, method: str, tmp_path: Path) -> None:
    # A file, because "spawn" imports it in the child.
    program = tmp_path / "program.py"
    children = f"""
import multiprocessing
if __name__ == "__main__":
    record("parent")
    context = multiprocessing.get_context("{method}")
    children = [context.Process(target=record, args=(f"child-{{number}}",)) for number in range(2)]
    for child in children:
        child.start()
    for child in children:
        child.join()
"""
    program.write_text(START % (fake.url, 30.0) + children)
    output_of(run_python(str(program)))
    assert sorted(fake.confirmed) == ["child-0", "child-1", "parent"]
