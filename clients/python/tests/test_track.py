"""What is recorded of work, and that the work is not changed."""

from __future__ import annotations

import asyncio
import gc
import inspect
import threading
from typing import Any, AsyncGenerator, Dict, Generator, List, Mapping

import pytest

from agent_performance import AgentPerformanceTracker, TrackedAttempt, track_attempt

from .conftest import RealSidecar

Recorded = List[Dict[str, Any]]


def tracking(recorded: Recorded, **options: Any) -> TrackedAttempt:
    def record(fields: Mapping[str, Any]) -> None:
        recorded.append(dict(fields))

    labels = {"agent_name": "A", "model_name": "m", "issue_type": "i"}
    return TrackedAttempt(record, labels, options.get("describe"), options.get("count_aborted", True))


def outcomes(recorded: Recorded) -> List[Any]:
    assert all(fields["time_seconds"] >= 0 and fields["agent_name"] == "A" for fields in recorded)
    return [(fields["success"], fields.get("error_type")) for fields in recorded]


def test_a_function_is_recorded_when_it_returns_or_raises() -> None:
    recorded: Recorded = []

    @tracking(recorded)
    def work(value: int) -> float:
        """Divides."""
        return 1 / value

    assert work(2) == 0.5
    with pytest.raises(ZeroDivisionError):
        work(0)
    assert outcomes(recorded) == [(True, None), (False, "ZeroDivisionError")]
    assert (work.__name__, work.__doc__) == ("work", "Divides.")


@pytest.mark.parametrize(
    ("result", "expected"),
    [
        ({"success": False}, (False, None)),
        (type("Fix", (), {"success": False, "confidence": 0.9})(), (False, None)),
        ({"success": "yes", "confidence": 7}, (True, None)),
        (None, (True, None)),
    ],
)
def test_the_result_may_say_that_it_is_no_success(result: Any, expected: Any) -> None:
    recorded: Recorded = []
    assert tracking(recorded)(lambda: result)() is result
    assert outcomes(recorded) == [expected]


def test_describe_states_the_outcome() -> None:
    recorded: Recorded = []

    def describe(text: str) -> Dict[str, Any]:
        return {"success": len(text) > 3, "output_tokens": len(text), "model_name": "routed"}

    work = tracking(recorded, describe=describe)(lambda text: text)
    work("long enough")
    work("no")
    assert [(one["success"], one["output_tokens"], one["model_name"]) for one in recorded] == [
        (True, 11, "routed"),
        (False, 2, "routed"),
    ]


@pytest.mark.parametrize("describe", [lambda _: 1 / 0, lambda _: None, lambda _: {"success": "yes"}])
def test_a_describe_that_breaks_is_no_success(describe: Any) -> None:
    recorded: Recorded = []
    assert tracking(recorded, describe=describe)(lambda: "result")() == "result"
    assert outcomes(recorded) == [(False, "describe_failed")]


def test_a_coroutine_is_recorded_when_it_has_ended() -> None:
    recorded: Recorded = []

    @tracking(recorded)
    async def work(fails: bool) -> str:
        await asyncio.sleep(0)
        if fails:
            raise TimeoutError
        return "done"

    async def run() -> None:
        assert inspect.iscoroutinefunction(work)
        pending = work(False)
        assert recorded == []
        assert await pending == "done"
        with pytest.raises(TimeoutError):
            await work(True)
        task = asyncio.ensure_future(tracking(recorded)(asyncio.sleep)(1000))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(run())
    assert outcomes(recorded) == [(True, None), (False, "TimeoutError"), (False, "aborted")]


def test_a_generator_is_recorded_when_it_is_exhausted_and_passes_everything_on() -> None:
    recorded: Recorded = []

    @tracking(recorded)
    def work() -> Generator[Any, Any, str]:
        got = yield 1
        try:
            yield got
        except KeyError as error:
            yield error
        return "end"

    assert inspect.isgeneratorfunction(work)
    stream = work()
    assert recorded == []
    thrown = KeyError("k")
    assert [next(stream), stream.send("sent"), stream.throw(thrown)] == [1, "sent", thrown]
    assert recorded == []
    with pytest.raises(StopIteration) as stop:
        next(stream)
    assert stop.value.value == "end"
    assert outcomes(recorded) == [(True, None)]


def test_a_generator_that_raises_midway_or_is_left_early_is_no_success() -> None:
    recorded: Recorded = []
    closed: List[str] = []

    @tracking(recorded)
    def work(fails: bool) -> Generator[int, None, None]:
        try:
            yield 1
            if fails:
                raise ValueError
            yield 2
        finally:
            closed.append("closed")

    with pytest.raises(ValueError):
        list(work(True))
    for _ in work(False):
        break
    gc.collect()
    assert outcomes(recorded) == [(False, "ValueError"), (False, "aborted")]
    assert closed == ["closed", "closed"]


def test_aborted_work_may_be_left_out() -> None:
    recorded: Recorded = []

    @tracking(recorded, count_aborted=False)
    def work() -> Generator[int, None, None]:
        yield 1

    stream = work()
    next(stream)
    stream.close()
    assert recorded == []


def test_an_asynchronous_generator_passes_everything_on() -> None:
    recorded: Recorded = []
    closed: List[str] = []

    @tracking(recorded)
    async def work(fails: bool = False) -> AsyncGenerator[Any, Any]:
        try:
            got = yield 1
            if fails:
                raise ValueError
            try:
                yield got
            except KeyError as error:
                yield error
        finally:
            closed.append("closed")

    async def run() -> None:
        assert inspect.isasyncgenfunction(work)
        thrown = KeyError("k")
        stream = work()
        assert [await stream.asend(None), await stream.asend("sent"), await stream.athrow(thrown)] == [
            1,
            "sent",
            thrown,
        ]
        assert recorded == []
        with pytest.raises(StopAsyncIteration):
            await stream.asend(None)
        with pytest.raises(ValueError):
            async for _ in work(True):
                pass
        early = work()
        await early.asend(None)
        await early.aclose()
        # The work is closed with its stream, and not later by the collector.
        assert closed == ["closed"] * 3

    asyncio.run(run())
    assert outcomes(recorded) == [(True, None), (False, "ValueError"), (False, "aborted")]


def test_work_that_a_plain_function_returns_is_followed_to_its_end() -> None:
    recorded: Recorded = []

    async def coroutine() -> str:
        return "awaited"

    async def stream() -> AsyncGenerator[int, None]:
        yield 1

    async def run() -> None:
        pending = tracking(recorded)(lambda: coroutine())()
        items = tracking(recorded)(lambda: stream())()
        plain = tracking(recorded)(lambda: (i for i in range(2)))()
        assert recorded == []
        assert await pending == "awaited"
        assert [item async for item in items] == [1]
        assert list(plain) == [0, 1]

    asyncio.run(run())
    assert outcomes(recorded) == [(True, None)] * 3


def test_a_block_is_an_attempt_that_says_its_outcome_itself() -> None:
    recorded: Recorded = []
    with tracking(recorded) as attempt:
        attempt.set(success=False, confidence=0.4, error_type="no_fix")
    with tracking(recorded):
        pass
    with pytest.raises(KeyError), tracking(recorded):
        raise KeyError
    with tracking(recorded) as attempt:
        attempt.fail("tests_failed")

    async def run() -> None:
        async with tracking(recorded) as attempt:
            attempt.set(output_tokens=3)

    asyncio.run(run())
    assert outcomes(recorded) == [
        (False, "no_fix"),
        (True, None),
        (False, "KeyError"),
        (False, "tests_failed"),
        (True, None),
    ]
    assert recorded[0]["confidence"] == 0.4 and recorded[4]["output_tokens"] == 3


def test_tasks_and_threads_may_use_one_object_at_the_same_time() -> None:
    recorded: Recorded = []
    tracked = tracking(recorded)

    async def work(task: str, other: "asyncio.Event", own: "asyncio.Event") -> None:
        with tracked as attempt, tracked:
            own.set()
            await other.wait()
            attempt.set(task_id=task)

    async def run() -> None:
        one, two = asyncio.Event(), asyncio.Event()
        await asyncio.gather(work("one", two, one), work("two", one, two))

    asyncio.run(run())
    barrier = threading.Barrier(2)

    def block(task: str) -> None:
        with tracked as attempt:
            barrier.wait(30)
            attempt.set(task_id=task)
            barrier.wait(30)

    threads = [threading.Thread(target=block, args=(task,)) for task in ("three", "four")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    tasks = [fields["task_id"] for fields in recorded if "task_id" in fields]
    assert (sorted(tasks), len(recorded)) == (["four", "one", "three", "two"], 6)


def test_a_recorder_that_breaks_does_not_reach_the_work() -> None:
    def broken(_: Mapping[str, Any]) -> None:
        raise RuntimeError

    tracked = TrackedAttempt(broken, {}, None, True)
    assert tracked(lambda: 1)() == 1
    with tracked:
        pass


def test_tracked_work_arrives_at_the_sidecar(
    tracker: AgentPerformanceTracker, sidecar: RealSidecar, monkeypatch: pytest.MonkeyPatch
) -> None:
    with tracker.track_attempt("A", "m", "tracked", task_id="t1"):
        pass
    assert tracker.get_success_rate("A", "tracked", "m") == 100.0
    monkeypatch.setenv("AGENT_PERFORMANCE_URL", sidecar.url)

    @track_attempt("A", "m", "tracked")
    def work() -> Dict[str, bool]:
        return {"success": False}

    work()
    from agent_performance._track import _default

    assert _default["tracker"].get_success_rate("A", "tracked", "m") == 50.0
