"""
Measures the work of an agent and records it as an attempt, without changing what the work returns, yields or raises.
"""

from __future__ import annotations

import asyncio
import functools
import inspect
import os
import threading
import time
from contextvars import ContextVar
from types import TracebackType
from typing import Any, AsyncGenerator, Callable, Dict, Generator, Mapping, Optional, Tuple, Type, TypeVar, cast

from ._log import log

Work = TypeVar("Work", bound=Callable[..., Any])
Record = Callable[[Mapping[str, Any]], None]
Describe = Callable[[Any], Mapping[str, Any]]

#: The end of work that somebody stopped: a cancelled task, Ctrl-C, or a generator that its reader closed.
_ABORTS = (asyncio.CancelledError, KeyboardInterrupt, GeneratorExit)


class RunningAttempt:
    """An attempt under way. What its block sets is recorded when the block ends. Without it, a block that does not raise is a success."""

    def __init__(self, labels: Mapping[str, Any]) -> None:
        self._fields: Dict[str, Any] = dict(labels)
        self._started = time.monotonic()

    def set(self, **fields: Any) -> None:
        """Sets fields of the attempt, such as success, confidence, error_type, model_name, output_tokens or cost_usd."""
        self._fields.update(fields)

    def fail(self, error_type: Optional[str] = None) -> None:
        """The attempt failed, although nothing is raised."""
        self.set(success=False, error_type=error_type)

    def ended(self, **fields: Any) -> Dict[str, Any]:
        """All fields of the attempt, which ends now."""
        duration = time.monotonic() - self._started
        return {"success": True, **self._fields, **fields, "time_seconds": duration}


class TrackedAttempt:
    """A decorator and a context manager, also an asynchronous one. Each call and each block is one attempt."""

    def __init__(
        self, record: Record, labels: Mapping[str, Any], describe: Optional[Describe], count_aborted: bool
    ) -> None:
        self._record = record
        self._labels = labels
        self._describe = describe
        self._count_aborted = count_aborted

    def __enter__(self) -> RunningAttempt:
        running = RunningAttempt(self._labels)
        _open_blocks.set((*_open_blocks.get(), (self, running)))
        return running

    def __exit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        blocks = _open_blocks.get()
        place = max(place for place, (tracked, _) in enumerate(blocks) if tracked is self)
        _open_blocks.set(blocks[:place] + blocks[place + 1 :])
        self.end(blocks[place][1], error)

    async def __aenter__(self) -> RunningAttempt:
        return self.__enter__()

    async def __aexit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        self.__exit__(kind, error, trace)

    def __call__(self, work: Work) -> Work:
        """Wraps a function, a coroutine function, a generator function or an asynchronous generator function."""
        return cast(Work, _wrapped(self, work))

    def begin(self) -> RunningAttempt:
        """An attempt that starts now."""
        return RunningAttempt(self._labels)

    def end(self, running: RunningAttempt, error: Optional[BaseException], result: Any = None) -> None:
        """Records an attempt that has ended. Does not raise."""
        try:
            if error is None:
                self._record(running.ended(**self._outcome_of(running, result)))
            elif not isinstance(error, _ABORTS):
                self._record(running.ended(success=False, error_type=type(error).__name__))
            elif self._count_aborted:
                self._record(running.ended(success=False, error_type="aborted"))
        except Exception as problem:  # noqa: BLE001: whatever fails here must not reach the work.
            log.debug("an attempt is not recorded: %r", problem)

    def _outcome_of(self, running: RunningAttempt, result: Any) -> Mapping[str, Any]:
        """What `describe` says of the result. Otherwise its own `success` and `confidence`, if it has them."""
        if self._describe is None:
            return _stated_by(result)
        try:
            described = dict(self._describe(result))
            if not isinstance(described.get("success", True), bool):
                raise TypeError("success is not a bool")
            return {**_stated_by(result), **described}
        except Exception as problem:  # noqa: BLE001: a judge that breaks is no success.
            log.warning("describe failed, so that the attempt counts as failed: %r", problem)
            return {"success": False, "error_type": "describe_failed"}


#: The blocks that are open in this thread or task. Threads and tasks may use one object at the same time.
_open_blocks: "ContextVar[Tuple[Tuple[TrackedAttempt, RunningAttempt], ...]]" = ContextVar("open_blocks", default=())


def track_attempt(
    agent_name: str,
    model_name: str,
    issue_type: str,
    *,
    describe: Optional[Describe] = None,
    count_aborted: bool = True,
    **labels: Any,
) -> TrackedAttempt:
    """
    Measures and records an attempt at the sidecar of AGENT_PERFORMANCE_URL.

    As a decorator, each call is one attempt. It lasts until the coroutine has returned, or the generator is exhausted. As a context manager,
    the block is the attempt. Work that raises has failed, with the name of its exception as ``error_type``. Work that is cancelled or closed
    early has the ``error_type`` "aborted", and is left out with ``count_aborted=False``.

    :param describe: Gets the result, and returns fields such as success, confidence and output_tokens. Without it, a boolean ``success`` and
        a ``confidence`` of the result are used. If it raises, the attempt has failed with the ``error_type`` "describe_failed".
    :param labels: Further fields that are known before the work, such as experiment, variant and task_id.
    """
    known = {**labels, "agent_name": agent_name, "model_name": model_name, "issue_type": issue_type}
    return TrackedAttempt(_record_by_default, known, describe, count_aborted)


_default: Dict[str, Any] = {}
_default_lock = threading.Lock()


def _after_fork() -> None:
    """Another thread may have held the lock when the process was forked. The child would wait for it without end."""
    global _default_lock
    _default_lock = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


def _record_by_default(fields: Mapping[str, Any]) -> None:
    """Records with a tracker that the whole process shares."""
    from ._tracker import AgentPerformanceTracker

    with _default_lock:
        if "tracker" not in _default:
            _default["tracker"] = AgentPerformanceTracker()
        tracker = _default["tracker"]
    tracker._record(fields)


def _stated_by(result: Any) -> Dict[str, Any]:
    """A boolean `success` and a `confidence` from 0 to 1 of a mapping or an object."""
    read: Callable[[str], Any] = result.get if isinstance(result, Mapping) else lambda name: getattr(result, name, None)
    stated: Dict[str, Any] = {}
    try:
        success, confidence = read("success"), read("confidence")
        if isinstance(success, bool):
            stated["success"] = success
        if isinstance(confidence, (int, float)) and not isinstance(confidence, bool) and 0 <= confidence <= 1:
            stated["confidence"] = confidence
    except Exception as problem:  # noqa: BLE001: a property of the result may raise anything.
        log.debug("the result does not say its outcome: %r", problem)
    return stated


def _wrapped(tracked: TrackedAttempt, work: Callable[..., Any]) -> Callable[..., Any]:
    """A function of the same kind, because frameworks look at the kind."""
    if inspect.isasyncgenfunction(work):
        return _async_generator(tracked, work)
    if inspect.iscoroutinefunction(work):
        return _coroutine(tracked, work)
    if inspect.isgeneratorfunction(work):
        return _generator(tracked, work)
    return _function(tracked, work)


def _function(tracked: TrackedAttempt, work: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(work)
    def called(*args: Any, **kwargs: Any) -> Any:
        running = tracked.begin()
        try:
            result = work(*args, **kwargs)
        except BaseException as error:
            tracked.end(running, error)
            raise
        # A plain function may return work that has only begun.
        if inspect.iscoroutine(result):
            return _coroutine(tracked, lambda: result)()
        if inspect.isgenerator(result):
            return _generator(tracked, lambda: result)()
        if inspect.isasyncgen(result):
            return _async_generator(tracked, lambda: result)()
        tracked.end(running, None, result)
        return result

    return called


def _coroutine(tracked: TrackedAttempt, work: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(work)
    async def awaited(*args: Any, **kwargs: Any) -> Any:
        running = tracked.begin()
        try:
            result = await work(*args, **kwargs)
        except BaseException as error:
            tracked.end(running, error)
            raise
        tracked.end(running, None, result)
        return result

    return awaited


def _generator(tracked: TrackedAttempt, work: Callable[..., Any]) -> Callable[..., Any]:
    """Passes on what is sent, thrown and returned. The attempt starts with the first step."""

    @functools.wraps(work)
    def streamed(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
        running = tracked.begin()
        try:
            result = yield from work(*args, **kwargs)
        except BaseException as error:
            tracked.end(running, error)
            raise
        tracked.end(running, None, result)
        return result

    return streamed


def _async_generator(tracked: TrackedAttempt, work: Callable[..., Any]) -> Callable[..., Any]:
    """Passes on what is sent and thrown. The attempt starts with the first step."""

    @functools.wraps(work)
    async def streamed(*args: Any, **kwargs: Any) -> AsyncGenerator[Any, Any]:
        running = tracked.begin()
        try:
            items = work(*args, **kwargs)
            step = items.asend(None)
            while True:
                try:
                    item = await step
                except StopAsyncIteration:
                    break
                try:
                    sent = yield item
                except GeneratorExit:
                    await items.aclose()
                    raise
                except BaseException as thrown:
                    step = items.athrow(thrown)
                else:
                    step = items.asend(sent)
        except BaseException as error:
            tracked.end(running, error)
            raise
        tracked.end(running, None)

    return streamed
