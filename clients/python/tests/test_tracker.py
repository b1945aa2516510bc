"""The documented methods against a real sidecar."""

import logging
import threading
from datetime import datetime, timedelta, timezone
from typing import Any, Dict

import pytest

from agent_performance import AgentPerformanceTracker

from .conftest import RealSidecar, free_port

BEST = {"agent_name", "model_name", "success_rate", "total_attempts", "avg_confidence", "avg_time_seconds"}


def record(tracker: AgentPerformanceTracker, issue: str, agent: str, successes: int, failures: int, **more: Any) -> None:
    for success in [True] * successes + [False] * failures:
        fields: Dict[str, Any] = {"confidence": 0.8, "time_seconds": 2.0, **more}
        tracker.record_attempt(agent, "claude-sonnet-4", issue, success, **fields)


def test_a_question_includes_every_attempt_recorded_before_it(tracker: AgentPerformanceTracker) -> None:
    record(tracker, "read-own", "A", 17, 3)
    assert tracker.get_success_rate("A", "read-own", "claude-sonnet-4") == 85.0
    record(tracker, "read-own", "A", 20, 0)
    assert tracker.get_success_rate("A", "read-own", "claude-sonnet-4") == 92.5


def test_success_rates_are_grouped_as_documented(tracker: AgentPerformanceTracker) -> None:
    record(tracker, "grouped-1", "Grouped", 1, 1)
    record(tracker, "grouped-2", "Grouped", 3, 1)
    record(tracker, "grouped-1", "Other", 0, 2)
    assert tracker.get_success_rate(agent_name="Grouped") == {"grouped-1": 50.0, "grouped-2": 75.0}
    assert tracker.get_success_rate(issue_type="grouped-1") == {"Grouped": 50.0, "Other": 0.0}
    assert tracker.get_success_rate("Grouped", "grouped-2") == {"claude-sonnet-4": 75.0}
    rates = tracker.get_success_rate()
    assert isinstance(rates, dict) and rates["Grouped:claude-sonnet-4:grouped-2"] == 75.0
    assert tracker.get_success_rate("Grouped", "no such issue", "claude-sonnet-4") == 0.0


def test_the_best_agent_has_exactly_the_documented_fields(tracker: AgentPerformanceTracker) -> None:
    record(tracker, "best", "A", 4, 1)
    record(tracker, "best", "B", 2, 3)
    assert tracker.get_best_agent_for_issue_type("best") == {
        "agent_name": "A",
        "model_name": "claude-sonnet-4",
        "success_rate": 80.0,
        "total_attempts": 5,
        "avg_confidence": pytest.approx(0.8),
        "avg_time_seconds": pytest.approx(2.0),
    }
    assert tracker.get_best_agent_for_issue_type("best", min_attempts=6) is None
    # In the documented method, 0 means any key.
    assert tracker.get_best_agent_for_issue_type("best", 0) is not None


def test_a_confidence_that_was_never_stated_is_a_number_as_documented(tracker: AgentPerformanceTracker) -> None:
    record(tracker, "unconfident", "A", 5, 0, confidence=None)
    best = tracker.get_best_agent_for_issue_type("unconfident")
    assert best is not None and best["avg_confidence"] == 0.0
    numbers = [best[name] for name in ("success_rate", "avg_confidence", "avg_time_seconds")]
    assert [type(number) for number in numbers] == [float] * 3


def test_models_are_compared_as_documented(tracker: AgentPerformanceTracker) -> None:
    record(tracker, "compared", "A", 4, 1)
    tracker.record_attempt("A", "gpt-5", "compared", True, 0.9, 1.0)
    assert tracker.get_model_comparison(issue_type="compared") == {
        "claude-sonnet-4": {
            "avg_success_rate": 80.0,
            "total_attempts": 5,
            "avg_confidence": pytest.approx(0.8),
            "avg_time_seconds": pytest.approx(2.0),
            "issue_types": ["compared"],
        }
    }
    assert set(tracker.get_model_comparison("compared", min_attempts=1)) == {"claude-sonnet-4", "gpt-5"}


def test_the_report_has_the_documented_shape(tracker: AgentPerformanceTracker) -> None:
    record(tracker, "reported", "Reporter", 2, 1)
    report = tracker.generate_performance_report()
    assert set(report) == {"generated_at", "summary", "by_agent", "by_issue_type", "by_model", "recommendations"}
    assert set(report["summary"]) == {
        "total_attempts",
        "total_successful",
        "overall_success_rate",
        "total_agents",
        "total_issue_types",
        "total_models",
    }
    assert report["by_agent"]["Reporter"] == {
        "total_attempts": 3,
        "success_rate": pytest.approx(66.6667, abs=1e-3),
        "issue_types": ["reported"],
    }
    assert set(report["by_issue_type"]["reported"]) == {"total_attempts", "success_rate", "agents_used"}
    assert set(report["recommendations"]["reported"]) == BEST
    datetime.fromisoformat(report["generated_at"].replace("Z", "+00:00"))


def test_raw_metrics_are_the_documented_records(tracker: AgentPerformanceTracker) -> None:
    record(tracker, "raw", "Raw", 1, 1)
    metrics = tracker.get_raw_metrics()
    raw = metrics["Raw:claude-sonnet-4:raw"]
    assert set(raw) >= {"total_attempts", "successful_fixes", "failed_fixes", "avg_confidence", "recent_results"}
    assert len(raw["recent_results"]) == 2
    assert tracker.get_metric_count() == len(metrics)


def test_any_question_can_be_asked_with_its_whole_answer(tracker: AgentPerformanceTracker) -> None:
    record(tracker, "asked", "A", 3, 0)
    answer = tracker.ask("route", issue_type="asked", explore=True, seed="run 1")
    assert answer is not None and answer["seed"] == "run 1"
    assert "A" in [route["agent_name"] for route in answer["ranked"]]
    assert tracker.ask("experiments/{name}", name="no such/experiment") is None
    assert tracker.ask("no-such-question") is None
    since = datetime(2020, 1, 1, tzinfo=timezone.utc)
    assert tracker.ask("report", since=since)["range"]["since"].startswith("2020-01-01")  # type: ignore[index]


def test_every_field_of_an_attempt_arrives(tracker: AgentPerformanceTracker) -> None:
    stated = {
        "timestamp": datetime.now(timezone.utc).replace(microsecond=0) - timedelta(hours=1),
        "attempt_id": "every-field-1",
        "error_type": "TimeoutError",
        "experiment": "prompt",
        "variant": "b",
        "task_id": "t",
        "session_id": "s",
        "trace_id": "r",
        "input_tokens": 1,
        "output_tokens": 2,
        "cache_read_tokens": 3,
        "cache_write_tokens": 4,
        "cost_usd": 0.5,
    }
    tracker.record_attempt("A", "m", "every-field", False, None, 1.5, **stated)  # type: ignore[arg-type]
    page = tracker.ask("attempts", issue_type="every-field", with_ids=True)
    assert page is not None
    (attempt,) = page["attempts"]
    kept = {name: attempt[name] for name in stated if name != "timestamp"}
    assert kept == {name: value for name, value in stated.items() if name != "timestamp"}
    assert datetime.fromisoformat(attempt["timestamp"].replace("Z", "+00:00")) == stated["timestamp"]


def test_an_attempt_that_is_none_costs_nothing_else(tracker: AgentPerformanceTracker) -> None:
    tracker.record_attempt("A", "m", "invalid", True, 0.5, float("nan"))
    tracker.record_attempt("A", "m", "invalid", True, 7.0, 1.0)
    tracker.record_attempt("", "m", "invalid", True, 0.5, 1.0)
    tracker.record_attempt("A", object(), "invalid", True, 0.5, 1.0)  # type: ignore[arg-type]
    tracker.record_attempt("A", "m", "invalid", True, 0.5, 1.0)
    assert tracker.get_success_rate("A", "invalid", "m") == 100.0
    assert tracker.stats().rejected == 4
    assert tracker.stats().delivered == 1


def test_threads_may_record_at_the_same_time(tracker: AgentPerformanceTracker) -> None:
    threads = [threading.Thread(target=record, args=(tracker, "threads", "T", 50, 50)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    comparison = tracker.get_model_comparison("threads")
    assert comparison["claude-sonnet-4"]["total_attempts"] == 800


def test_without_a_sidecar_every_method_returns_what_it_returns_without_attempts(
    caplog: pytest.LogCaptureFixture,
) -> None:
    tracker = AgentPerformanceTracker(url=f"http://127.0.0.1:{free_port()}", timeout=1.0)
    with caplog.at_level(logging.DEBUG, "agent_performance"):
        tracker.record_attempt("A", "m", "i", True, 0.5, 1.0)
        assert tracker.get_success_rate("A", "i", "m") == 0.0
        assert tracker.get_success_rate() == {}
        assert tracker.get_best_agent_for_issue_type("i") is None
        assert tracker.get_model_comparison() == {}
        report = tracker.generate_performance_report()
        assert report["summary"]["total_attempts"] == 0 and report["recommendations"] == {}
        assert tracker.get_metric_count() == 0
        assert tracker.get_raw_metrics() == {}
        tracker.reset_metrics()
        assert tracker.close(0) is False
    assert {entry.levelno for entry in caplog.records} == {logging.DEBUG}


@pytest.mark.parametrize("url", ["no url", "ftp://host", "http://", "http://host:port"])
def test_a_wrong_url_is_said_once_and_raises_nothing(url: str, caplog: pytest.LogCaptureFixture) -> None:
    tracker = AgentPerformanceTracker(url=url)
    tracker.record_attempt("A", "m", "i", True, 0.5, 1.0)
    assert tracker.get_success_rate("A", "i", "m") == 0.0
    tracker.close(0)
    assert [entry.levelname for entry in caplog.records] == ["WARNING"]


def test_a_host_and_a_port_are_a_url(sidecar: RealSidecar) -> None:
    tracker = AgentPerformanceTracker(url=sidecar.url.replace("http://", ""))
    tracker.record_attempt("A", "m", "without-scheme", True, 0.5, 1.0)
    assert tracker.get_success_rate("A", "without-scheme", "m") == 100.0
    tracker.close()


def test_the_documented_parameter_metrics_file_is_accepted(
    sidecar: RealSidecar, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("AGENT_PERFORMANCE_URL", sidecar.url)
    tracker = AgentPerformanceTracker(metrics_file="/tmp/agent_performance.json")
    assert "serve" not in caplog.text and "--store /tmp/agent_performance.json" in caplog.text
    tracker.record_attempt("A", "m", "by-environment", True, 0.5, 1.0)
    assert tracker.get_success_rate("A", "by-environment", "m") == 100.0
    tracker.close()


def test_reset_deletes_all_attempts(tmp_path_factory: pytest.TempPathFactory) -> None:
    own = RealSidecar(tmp_path_factory.mktemp("reset"))
    try:
        tracker = AgentPerformanceTracker(url=own.url)
        tracker.record_attempt("A", "m", "i", True, 0.5, 1.0)
        assert tracker.get_metric_count() == 1
        tracker.reset_metrics()
        assert tracker.get_metric_count() == 0
        tracker.close()
    finally:
        own.stop()


def test_outcomes_are_delivered_behind_their_attempts_and_change_the_answers(tracker: AgentPerformanceTracker) -> None:
    key = {"agent_name": "verified", "model_name": "m", "issue_type": "i"}
    for number in range(3):
        tracker.record_attempt(**key, success=True, confidence=None, time_seconds=1.0, attempt_id=f"v-{number}")
        tracker.record_outcome(f"v-{number}", number == 0, "ci", note="all tests")
    tracker.record_outcome("nobody", True, "ci", timestamp=datetime(2026, 3, 1, tzinfo=timezone.utc))
    assert tracker.flush(30)
    assert tracker.get_success_rate(**key) == pytest.approx(100 / 3)
    stats = tracker.stats()
    assert (stats.delivered, stats.rejected) == (6, 1)
    page = tracker.ask("attempts", agent_name="verified", with_outcomes=True)
    assert page is not None
    assert {outcome["attempt_id"]: outcome["success"] for outcome in page["outcomes"]} == {
        "v-0": True,
        "v-1": False,
        "v-2": False,
    }


def test_an_attempt_without_a_result_is_pending_until_an_outcome_decides_it(tracker: AgentPerformanceTracker) -> None:
    key = {"agent_name": "pending", "model_name": "m", "issue_type": "i"}
    tracker.record_attempt(**key, success=None, confidence=None, time_seconds=1.0, attempt_id="p-0")
    with tracker.track_attempt(**key) as attempt:
        attempt.set(attempt_id="p-1", success=None)
    assert tracker.flush(30)
    before = tracker.ask("honesty", agent_name="pending")
    assert before is not None
    assert before["overall"]["outcomes"] == {"verified": 0, "reported": 0, "pending": 2}
    for number in range(2):
        tracker.record_outcome(f"p-{number}", number == 0, "ci")
    assert tracker.flush(30)
    assert tracker.get_success_rate(**key) == 50


def test_something_that_is_no_outcome_raises_nothing(tracker: AgentPerformanceTracker) -> None:
    tracker.record_outcome("v-0", True, object())  # type: ignore[arg-type]
    assert tracker.stats().rejected == 1
