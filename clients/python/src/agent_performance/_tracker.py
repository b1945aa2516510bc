"""
The tracker: the documented methods of AgentPerformanceTracker, answered by a sidecar.

The file is long because a method names every field of an attempt.
"""

from __future__ import annotations

import http.client
import os
import urllib.parse
from datetime import datetime
from typing import Any, Callable, Dict, Mapping, Optional, Union

from ._attempt import Encoded, encode, encode_outcome
from ._delivery import Delivery, DeliveryStats
from ._http import Sidecar
from ._log import log
from ._track import TrackedAttempt

#: The fields of an answer that the documented methods return.
_BEST_FIELDS = ("agent_name", "model_name", "success_rate", "total_attempts", "avg_confidence", "avg_time_seconds")
_MODEL_FIELDS = ("avg_success_rate", "total_attempts", "avg_confidence", "avg_time_seconds", "issue_types")
_SUMMARY_FIELDS = (
    "total_attempts",
    "total_successful",
    "overall_success_rate",
    "total_agents",
    "total_issue_types",
    "total_models",
)
_AGENT_FIELDS = ("total_attempts", "success_rate", "issue_types")
_ISSUE_FIELDS = ("total_attempts", "success_rate", "agents_used")


class AgentPerformanceTracker:
    """
    Records attempts at a sidecar and asks it. Safe to use from several threads, and after a fork.

    No method raises. Failures are logged at level debug by the logger ``agent_performance``, and a question without an answer returns what
    it returns without attempts.
    """

    def __init__(
        self,
        metrics_file: Optional[Union[str, "os.PathLike[str]"]] = None,
        *,
        url: Optional[str] = None,
        token: Optional[str] = None,
        timeout: float = 5.0,
        max_queued: int = 10_000,
        spool_directory: Optional[Union[str, "os.PathLike[str]"]] = None,
        exit_timeout: float = 2.0,
    ) -> None:
        """
        :param metrics_file: The documented parameter. Ignored, because the sidecar has the file: give its path to ``serve --store``.
        :param url: The sidecar. By default AGENT_PERFORMANCE_URL, else http://127.0.0.1:9464.
        :param token: Its bearer token. By default AGENT_PERFORMANCE_TOKEN.
        :param timeout: Seconds for one request, and for a question to wait for attempts that are recorded but not delivered.
        :param max_queued: Attempts in memory, about 1 KB each. More are dropped, or only in the spool.
        :param spool_directory: A folder for attempts that are not delivered yet. Several processes may share it. A later process delivers
            what an earlier one left, also after a crash.
        :param exit_timeout: Seconds that the end of the process waits for the delivery.
        """
        if metrics_file is not None:
            log.warning("metrics_file is ignored: the sidecar keeps the attempts. Start it with --store %s", metrics_file)
        self._sidecar = Sidecar(url, token)
        self._timeout = timeout
        self._delivery = Delivery(
            self._sidecar,
            timeout=timeout,
            max_queued=max_queued,
            spool_directory=spool_directory,
            exit_timeout=exit_timeout,
        )

    def record_attempt(
        self,
        agent_name: str,
        model_name: str,
        issue_type: str,
        success: Optional[bool],
        confidence: Optional[float],
        time_seconds: float,
        *,
        timestamp: Optional[Union[str, datetime]] = None,
        attempt_id: Optional[str] = None,
        error_type: Optional[str] = None,
        experiment: Optional[str] = None,
        variant: Optional[str] = None,
        task_id: Optional[str] = None,
        session_id: Optional[str] = None,
        trace_id: Optional[str] = None,
        input_tokens: Optional[int] = None,
        output_tokens: Optional[int] = None,
        cache_read_tokens: Optional[int] = None,
        cache_write_tokens: Optional[int] = None,
        cost_usd: Optional[float] = None,
    ) -> None:
        """
        Records one attempt. Returns at once: it is delivered in the background. Times are in seconds, ``confidence`` is from 0 to 1.
        With ``success=None`` the attempt is pending: it counts once an outcome of its ``attempt_id`` decides it.
        """
        fields = {name: value for name, value in locals().items() if name != "self"}
        self._record(fields)

    def record_outcome(
        self,
        attempt_id: str,
        success: bool,
        source: str,
        *,
        timestamp: Optional[Union[str, datetime]] = None,
        note: Optional[str] = None,
    ) -> None:
        """
        Records what became known of an attempt later, such as the result of CI, a review or production. Returns at once: it is delivered behind the
        attempts that were recorded before. An outcome of an attempt that the sidecar does not have is dropped, and counted as rejected.
        """
        fields = {name: value for name, value in locals().items() if name != "self"}
        self._deliver(fields, encode_outcome)

    def track_attempt(
        self,
        agent_name: str,
        model_name: str,
        issue_type: str,
        *,
        describe: Optional[Callable[[Any], Mapping[str, Any]]] = None,
        count_aborted: bool = True,
        **labels: Any,
    ) -> TrackedAttempt:
        """Measures and records an attempt, as a decorator or in ``with``. See :func:`agent_performance.track_attempt`."""
        known = {**labels, "agent_name": agent_name, "model_name": model_name, "issue_type": issue_type}
        return TrackedAttempt(self._record, known, describe, count_aborted)

    def get_success_rate(
        self,
        agent_name: Optional[str] = None,
        issue_type: Optional[str] = None,
        model_name: Optional[str] = None,
    ) -> Union[float, Dict[str, float]]:
        """
        The success rate in percent of one key if all three names are given, and 0.0 for an unknown one. Otherwise rates by group: with an
        agent by issue type, with an issue type by agent, with both by model, with a model by agent, with none by key.
        """
        names = {"agent_name": agent_name, "issue_type": issue_type, "model_name": model_name}
        is_one = bool(agent_name and issue_type and model_name)
        answer = self._ask("success-rate", _stated(names))
        if is_one:
            return float(answer["success_rate"]) if isinstance(answer, dict) else 0.0
        return {group: float(rate) for group, rate in _mapping(answer, "success_rates").items()}

    def get_best_agent_for_issue_type(self, issue_type: str, min_attempts: int = 5) -> Optional[Dict[str, Any]]:
        """The agent and model with the highest success rate at this issue type. None if none has ``min_attempts``."""
        answer = self._ask("best-agent", {"issue_type": issue_type, "min_attempts": max(1, min_attempts)})
        return _documented(answer, _BEST_FIELDS) if isinstance(answer, dict) else None

    def get_model_comparison(
        self, issue_type: Optional[str] = None, min_attempts: int = 5
    ) -> Dict[str, Dict[str, Any]]:
        """The models side by side, over the keys with at least ``min_attempts``."""
        parameters = {**_stated({"issue_type": issue_type}), "min_attempts": max(1, min_attempts)}
        return _by_name(self._ask("model-comparison", parameters), _MODEL_FIELDS)

    def generate_performance_report(self) -> Dict[str, Any]:
        """The documented report: summary, by agent, by issue type, by model, recommendations."""
        answer = self._ask("report", {})
        summary = _documented(_mapping(answer, "summary"), _SUMMARY_FIELDS, 0)
        # As documented, rounded to two decimals.
        summary["overall_success_rate"] = round(float(summary["overall_success_rate"]), 2)
        return {
            "generated_at": answer["generated_at"] if isinstance(answer, dict) else datetime.now().isoformat(),
            "summary": summary,
            "by_agent": _by_name(_mapping(answer, "by_agent"), _AGENT_FIELDS),
            "by_issue_type": _by_name(_mapping(answer, "by_issue_type"), _ISSUE_FIELDS),
            "by_model": _by_name(_mapping(answer, "by_model"), _MODEL_FIELDS),
            "recommendations": _by_name(_mapping(answer, "recommendations"), _BEST_FIELDS),
        }

    def reset_metrics(self) -> None:
        """Deletes all attempts. Needs a sidecar that was started with --admin."""
        self._delivery.flush(self._timeout, give_up=True)
        self._request("DELETE", "metrics", {})

    def get_metric_count(self) -> int:
        """The number of keys (agent, model and issue type)."""
        return len(_mapping(self._ask("metrics", {"recent": False}), "metrics"))

    def get_raw_metrics(self) -> Dict[str, Dict[str, Any]]:
        """The documented record of every key, with its last 100 attempts."""
        metrics = _mapping(self._ask("metrics", {}), "metrics")
        return {key: {name: _number(name, value) for name, value in record.items()} for key, record in metrics.items()}

    def ask(self, path: str, **parameters: Any) -> Optional[Any]:
        """
        The whole answer of any question, such as ``ask("route", issue_type="bug", explore=True)``, with its intervals. docs/http-api.md lists
        the questions. ``name`` is the name in a path such as ``experiments/{name}``. None if there is no answer.
        """
        return self._ask(path, parameters)

    def flush(self, timeout: float = 5.0) -> bool:
        """Waits until the attempts recorded so far are delivered. False after ``timeout`` seconds."""
        return self._delivery.flush(timeout)

    def close(self, timeout: float = 5.0) -> bool:
        """Delivers what was recorded, and ends the delivery. False if some attempts were not delivered in time."""
        return self._delivery.close(timeout)

    def stats(self) -> DeliveryStats:
        """Counts of the attempts by what became of them."""
        return self._delivery.stats()

    def _record(self, fields: Mapping[str, Any]) -> None:
        self._deliver(fields, encode)

    def _deliver(self, fields: Mapping[str, Any], encoded: Callable[[Mapping[str, Any]], Encoded]) -> None:
        try:
            item = encoded(fields)
        except Exception as error:  # noqa: BLE001: a value may raise anything when it is encoded.
            self._delivery.reject(error)
            return
        self._delivery.add(item)

    def _ask(self, path: str, parameters: Mapping[str, Any]) -> Optional[Any]:
        """Waits for the attempts that were recorded before, so that the answer includes them."""
        try:
            self._delivery.flush(self._timeout, give_up=True)
            return self._request("GET", path, dict(parameters))
        except Exception as error:  # noqa: BLE001: a parameter may raise anything when it is printed.
            log.debug("%s: %r", path, error)
            return None

    def _request(self, method: str, path: str, parameters: Dict[str, Any]) -> Optional[Any]:
        if "{name}" in path:
            path = path.replace("{name}", urllib.parse.quote(str(parameters.pop("name", "")), safe=""))
        try:
            answer = self._sidecar.request(method, path, query=parameters, timeout=self._timeout)
        except (OSError, http.client.HTTPException) as error:
            log.debug("%s %s: %s", method, self._sidecar.url, error)
            return None
        if answer.status == 200:
            return answer.json()
        log.debug("%s %s at %s: %s", method, path, self._sidecar.url, answer.excerpt())
        return None


def _stated(names: Mapping[str, Optional[str]]) -> Dict[str, Optional[str]]:
    """Without empty names, which the documented methods take as none."""
    return {name: value or None for name, value in names.items()}


def _mapping(answer: Any, name: str) -> Dict[str, Any]:
    """An object in an answer. Empty without an answer."""
    value = answer.get(name) if isinstance(answer, dict) else None
    return value if isinstance(value, dict) else {}


def _documented(record: Mapping[str, Any], fields: "tuple[str, ...]", otherwise: Any = None) -> Dict[str, Any]:
    """Only the documented fields. A confidence that no attempt stated is 0.0, as a number is documented."""
    return {name: _number(name, record.get(name, otherwise)) for name in fields}


def _number(name: str, value: Any) -> Any:
    """Averages and rates as float. JSON has 80 for 80.0."""
    if name.startswith("avg_") or name.endswith("success_rate"):
        return float(value or 0.0)
    return value


def _by_name(records: Any, fields: "tuple[str, ...]") -> Dict[str, Dict[str, Any]]:
    if not isinstance(records, dict):
        return {}
    return {name: _documented(record, fields) for name, record in records.items() if isinstance(record, dict)}
