"""The delivery to a sidecar that refuses, fails, is away, or is too small."""

from __future__ import annotations

import json
import logging
import time
from typing import Any, Dict, List, Tuple

import pytest

from agent_performance import AgentPerformanceTracker
from agent_performance._http import Answer
from agent_performance._outcome import outcome_of

from .conftest import FakeSidecar, Respond, free_port, kept


def answering(status: int, body: Any = None, headers: Dict[str, str] = {}) -> Respond:
    return lambda _: (status, body if body is not None else {"title": "no"}, headers)


def recorded(tracker: AgentPerformanceTracker, count: int) -> List[str]:
    ids = [f"id-{number}" for number in range(count)]
    for attempt_id in ids:
        tracker.record_attempt("A", "m", "i", True, 0.5, 1.0, attempt_id=attempt_id)
    return ids


@pytest.mark.parametrize("status", [302, 401, 403, 404, 405, 408, 415, 421, 429, 500, 502, 503, 504])
def test_attempts_are_sent_again_after_every_status_that_may_pass(fake: FakeSidecar, status: int) -> None:
    fake.next = [answering(status)]
    tracker = AgentPerformanceTracker(url=fake.url, token="secret")
    ids = recorded(tracker, 3)
    assert tracker.close(30)
    assert fake.confirmed == ids
    assert fake.headers[0]["Authorization"] == "Bearer secret"
    assert tracker.stats().delivered == 3


def test_only_attempts_that_a_400_names_are_given_up(fake: FakeSidecar) -> None:
    def refuse_second(_: List[Any]) -> Tuple[int, Any, Dict[str, str]]:
        return 400, {"errors": [{"index": 1, "pointer": "/success", "detail": "is wrong"}]}, {}

    fake.next = [answering(400), refuse_second]
    tracker = AgentPerformanceTracker(url=fake.url)
    recorded(tracker, 3)
    assert tracker.close(30)
    assert fake.confirmed == ["id-0", "id-2"]
    assert (tracker.stats().delivered, tracker.stats().rejected) == (2, 1)


def test_a_batch_that_is_too_large_is_sent_in_parts(fake: FakeSidecar) -> None:
    fake.always = lambda attempts: kept(attempts) if len(attempts) <= 3 else (413, {}, {})
    tracker = AgentPerformanceTracker(url=fake.url)
    ids = recorded(tracker, 20)
    assert tracker.close(30)
    assert fake.confirmed == ids


def test_attempts_go_past_outcomes_that_are_refused_while_the_store_is_away(fake: FakeSidecar) -> None:
    def refuse_outcomes(items: List[Dict[str, Any]]) -> Tuple[int, Any, Dict[str, str]]:
        return (503, {"title": "no"}, {"Retry-After": "1"}) if "source" in items[0] else kept(items)

    fake.always = refuse_outcomes
    tracker = AgentPerformanceTracker(url=fake.url)
    recorded(tracker, 1)
    tracker.record_outcome("id-0", False, "ci")
    tracker.record_attempt("A", "m", "i", True, 0.5, 1.0, attempt_id="late")
    deadline = time.monotonic() + 20
    while fake.confirmed != ["id-0", "late"] and time.monotonic() < deadline:
        time.sleep(0.01)
    assert fake.confirmed == ["id-0", "late"]
    assert tracker.flush(0.1) is False
    fake.always = kept
    assert tracker.close(30)
    assert fake.confirmed == ["id-0", "late", "id-0"]
    assert (tracker.stats().delivered, tracker.stats().rejected, tracker.stats().dropped) == (3, 0, 0)


def test_an_answer_that_is_not_one_of_a_sidecar_confirms_nothing(fake: FakeSidecar) -> None:
    fake.next = [answering(200, {"ok": True}), answering(200, {"accepted": 1, "duplicates": 0})]
    tracker = AgentPerformanceTracker(url=fake.url)
    recorded(tracker, 3)
    assert tracker.close(30)
    assert [len(batch) for batch in fake.received] == [3, 3, 3]
    assert tracker.stats().delivered == 3


def test_attempts_recorded_while_the_sidecar_is_away_arrive_when_it_is_back() -> None:
    port = free_port()
    tracker = AgentPerformanceTracker(url=f"http://127.0.0.1:{port}")
    ids = recorded(tracker, 5)
    assert tracker.flush(0) is False
    back = FakeSidecar(port)
    try:
        assert tracker.close(60)
        assert back.confirmed == ids
    finally:
        back.close()


def test_a_full_queue_drops_and_counts_without_blocking() -> None:
    tracker = AgentPerformanceTracker(url=f"http://127.0.0.1:{free_port()}", max_queued=10)
    recorded(tracker, 15)
    assert tracker.stats().dropped == 5
    assert tracker.close(0) is False
    recorded(tracker, 1)
    assert tracker.stats().dropped == 6


def test_duplicates_are_counted_as_delivered_before(fake: FakeSidecar) -> None:
    fake.next = [answering(200, {"accepted": 1, "duplicates": 2})]
    tracker = AgentPerformanceTracker(url=fake.url)
    recorded(tracker, 3)
    assert tracker.close(30)
    assert (tracker.stats().delivered, tracker.stats().duplicates) == (1, 2)


def test_failures_are_logged_at_debug_only(fake: FakeSidecar, caplog: pytest.LogCaptureFixture) -> None:
    fake.next = [answering(500)]
    tracker = AgentPerformanceTracker(url=fake.url)
    with caplog.at_level(logging.DEBUG, "agent_performance"):
        recorded(tracker, 1)
        assert tracker.close(30)
    assert [entry.levelno for entry in caplog.records] == [logging.DEBUG]
    assert "500" in caplog.text


@pytest.mark.parametrize(
    ("header", "seconds"), [("7", 7.0), ("100000", 300.0), ("soon", 0.0), (None, 0.0), ("Thu, 01 Jan 1970 00:00:00 GMT", 0.0)]
)
def test_the_delay_that_a_sidecar_asks_for_is_kept_within_limits(header: Any, seconds: float) -> None:
    assert outcome_of(Answer(503, json.dumps({}).encode(), header), 1).retry_after == seconds
