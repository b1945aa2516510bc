"""Attempts that are not delivered when a process ends: the next one delivers them, and none counts twice."""

from __future__ import annotations

import signal
import subprocess
import time
from pathlib import Path
from typing import Callable, List

from agent_performance import AgentPerformanceTracker
from agent_performance._attempt import Encoded
from agent_performance._spool import SEGMENT_ATTEMPTS, Spool

from .conftest import FakeSidecar, RealSidecar, free_port, output_of, run_python

RECORD = """
import os, sys
from agent_performance import AgentPerformanceTracker
url, folder, issue, count, end = sys.argv[1:]
tracker = AgentPerformanceTracker(url=url, spool_directory=folder, exit_timeout=0.2)
for number in range(int(count)):
    tracker.record_attempt("A", "m", issue, True, 0.5, 1.0)
print("recorded", flush=True)
if end == "kill":
    os.kill(os.getpid(), 9)
if end == "wait":
    tracker.flush(60)
"""


def run(url: str, folder: Path, issue: str, count: int, end: str) -> "subprocess.Popen[str]":
    return run_python("-c", RECORD, url, str(folder), issue, str(count), end)


def eventually(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def count(tracker: AgentPerformanceTracker, issue: str) -> int:
    answer = tracker.ask("report", issue_type=issue)
    assert answer is not None
    return int(answer["summary"]["total_attempts"])


def files(folder: Path) -> List[Path]:
    return list(folder.iterdir())


def test_what_a_killed_process_recorded_is_delivered_by_the_next_one_once(
    sidecar: RealSidecar, tmp_path: Path
) -> None:
    away = f"http://127.0.0.1:{free_port()}"
    killed = [run(away, tmp_path, "killed", 700, "kill") for _ in range(2)]
    ended = run(away, tmp_path, "killed", 50, "end")
    for process in killed:
        process.communicate(timeout=60)
        assert process.returncode == -signal.SIGKILL
    output_of(ended)
    # Two processes find the files at the same time.
    trackers = [AgentPerformanceTracker(url=sidecar.url, spool_directory=tmp_path) for _ in range(2)]
    eventually(lambda: files(tmp_path) == [])
    assert count(trackers[0], "killed") == 1450
    assert sum(tracker.stats().delivered for tracker in trackers) == 1450
    for tracker in trackers:
        tracker.close()


def test_a_crash_between_the_receipt_and_its_note_counts_nothing_twice(sidecar: RealSidecar, tmp_path: Path) -> None:
    delivered = run(sidecar.url, tmp_path, "noted", 5, "wait")
    output_of(delivered)
    assert files(tmp_path) == []
    # The same lines are found again, as after a crash before the file was deleted.
    spool = Spool(tmp_path, 10_000)
    line = '{"agent_name":"A","model_name":"m","issue_type":"twice","success":true,"time_seconds":1,"attempt_id":"twice-%d"}'
    for number in range(3):
        spool.append(Encoded(f"twice-{number}", line % number), in_memory=True)
    (path,) = files(tmp_path)
    copy = path.read_bytes()
    spool.close()
    for _ in range(2):
        path.write_bytes(copy)
        tracker = AgentPerformanceTracker(url=sidecar.url, spool_directory=tmp_path)
        eventually(lambda: files(tmp_path) == [])
        assert count(tracker, "twice") == 3
        tracker.close()


def test_a_process_that_runs_keeps_its_files(tmp_path: Path, fake: FakeSidecar) -> None:
    mine = Spool(tmp_path, 10_000)
    segment = mine.append(Encoded("a", '{"attempt_id":"a"}'), in_memory=True)
    other = Spool(tmp_path, 10_000)
    assert other.adopt() is None
    mine.delivered(segment)
    assert files(tmp_path) == []


def test_attempts_beyond_the_queue_are_delivered_from_the_spool(fake: FakeSidecar, tmp_path: Path) -> None:
    fake.close()
    tracker = AgentPerformanceTracker(url=fake.url, spool_directory=tmp_path, max_queued=10)
    total = SEGMENT_ATTEMPTS + 200
    for number in range(total):
        tracker.record_attempt("A", "m", "i", True, 0.5, 1.0, attempt_id=f"id-{number}")
    assert (tracker.stats().dropped, tracker.stats().spooled) == (0, total - 10)
    back = FakeSidecar(fake.port)
    try:
        assert tracker.flush(60)
        eventually(lambda: files(tmp_path) == [])
        assert set(back.confirmed) == {f"id-{number}" for number in range(total)}
    finally:
        tracker.close()
        back.close()


def test_an_incomplete_line_costs_that_attempt_alone(fake: FakeSidecar, tmp_path: Path) -> None:
    (tmp_path / "1-crashed.ndjson").write_bytes(b'{"attempt_id":"a"}\n{"attempt_id":"b"}\n{"attem')
    tracker = AgentPerformanceTracker(url=fake.url, spool_directory=tmp_path)
    eventually(lambda: files(tmp_path) == [])
    assert fake.confirmed == ["a", "b"]
    tracker.close()


def test_a_full_spool_takes_no_more_and_a_folder_that_cannot_be_made_is_no_spool(tmp_path: Path, fake: FakeSidecar) -> None:
    spool = Spool(tmp_path, 20)
    segment = spool.append(Encoded("a", '{"attempt_id":"a"}'), in_memory=True)
    spool.append(Encoded("b", '{"attempt_id":"b"}'), in_memory=True)
    spool.delivered(segment)
    assert files(tmp_path) != []
    (tmp_path / "file").write_text("")
    tracker = AgentPerformanceTracker(url=fake.url, spool_directory=tmp_path / "file" / "folder")
    tracker.record_attempt("A", "m", "i", True, 0.5, 1.0, attempt_id="without")
    assert tracker.close(30)
    assert fake.confirmed == ["without"]


def test_only_the_owner_may_read_the_spool(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "new", 10_000)
    spool.append(Encoded("a", '{"attempt_id":"a"}'), in_memory=True)
    (path,) = files(tmp_path / "new")
    assert (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    spool.close()
