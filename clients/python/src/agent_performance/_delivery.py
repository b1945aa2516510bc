"""
Delivers attempts and outcomes to a sidecar from a thread of its own. The queue is bounded, and everything is sent again until the sidecar confirms it.

The file is long because it holds the queue, its thread, the end of the process and forks, which share one lock.
"""

from __future__ import annotations

import atexit
import http.client
import os
import random
import sys
import threading
import time
import weakref
from collections import deque
from itertools import takewhile
from pathlib import Path
from typing import Any, Deque, List, NamedTuple, Optional, Sequence, Set, Union

from ._attempt import Encoded, is_outcome_line
from ._http import Sidecar
from ._log import log
from ._outcome import Outcome, outcome_of
from ._spool import Segment, Spool

#: Attempts per request. They always fit into a sidecar's limit of a request.
_MAX_BATCH = 500
#: Seconds that the first attempt after an idle time waits for others to join its batch.
_GATHER = 0.05
#: Limits of the backoff in seconds. Source: M. Brooker, "Exponential Backoff And Jitter" (2015), full jitter.
_FIRST_BACKOFF, _LONGEST_BACKOFF = 0.5, 30.0
#: Seconds between two looks for files that other processes left in the spool.
_SPOOL_INTERVAL = 30.0
#: Seconds after which an idle thread ends. The next attempt starts another one.
_IDLE = 10.0
_MAX_SPOOL_BYTES = 256 * 1024 * 1024


class DeliveryStats(NamedTuple):
    """Every attempt and outcome that was added is in exactly one of the counts. Attempts that other processes left are in them when they are delivered."""

    #: Confirmed by the sidecar.
    delivered: int
    #: Known to the sidecar: an earlier try had arrived, but its answer was lost.
    duplicates: int
    #: In memory, not confirmed yet.
    queued: int
    #: The queue was full, and these are only in the spool. A process delivers them when it has time.
    spooled: int
    #: Lost: the queue was full, and there is no spool, or it is full too.
    dropped: int
    #: Refused by the sidecar as invalid, not to be encoded as JSON, or an outcome of an attempt that the sidecar does not have.
    rejected: int


class _Queued(NamedTuple):
    attempt: Encoded
    segment: Optional[Segment]


class Delivery:
    """Delivers attempts in the background, in order. No method raises."""

    def __init__(
        self,
        sidecar: Sidecar,
        *,
        timeout: float,
        max_queued: int,
        spool_directory: Optional[Union[str, "os.PathLike[str]"]],
        exit_timeout: float,
    ) -> None:
        self._sidecar = sidecar
        self._timeout = timeout
        self._max_queued = max_queued
        self._spool_directory = None if spool_directory is None else Path(spool_directory)
        self._exit_timeout = exit_timeout
        self._delivered = self._duplicates = self._spooled = self._dropped = self._rejected = 0
        self._spool: Optional[Spool] = None
        self._begin()
        _deliveries.add(self)
        if self._spool is not None:
            with self._changed:
                self._ensure_thread()

    def add(self, attempt: Encoded) -> None:
        """Queues an attempt. Takes microseconds, and with a spool the time to write it to a file."""
        with self._changed:
            if self._closed:
                self._dropped += 1
                return
            fits = len(self._queue) < self._max_queued
            segment = self._store(attempt, in_memory=fits)
            if fits:
                self._queue.append(_Queued(attempt, segment))
            elif segment is not None:
                self._spooled += 1
                # Look for it as soon as the queue is empty.
                self._next_look = 0.0
            else:
                self._dropped += 1
                log.debug("the queue is full: an attempt is dropped")
                return
            self._ensure_thread()
            self._changed.notify_all()

    def reject(self, reason: object) -> None:
        """Counts an attempt that cannot be sent."""
        with self._changed:
            self._rejected += 1
        log.debug("an attempt is no attempt: %s", reason)

    def flush(self, timeout: float, *, give_up: bool = False) -> bool:
        """
        Waits until all attempts queued now are confirmed. False after `timeout` seconds, or with `give_up` at the first failed try. Ends a
        backoff early, but not a delay that the sidecar asked for.
        """
        deadline = time.monotonic() + timeout
        with self._changed:
            target = self._added()
            order = self._order
            failures = self._failures
            self._hurry = True
            self._changed.notify_all()
            while self._finished < target:
                remaining = deadline - time.monotonic()
                if remaining <= 0 or self._closed or (give_up and self._failures > failures):
                    return False
                if self._order != order:
                    # What is waited for may be behind others now.
                    target, order = self._added(), self._order
                if not self._ensure_thread():
                    break
                self._changed.wait(remaining)
            else:
                return True
        # At the very end of a process no thread starts any more.
        while self._queue and time.monotonic() < deadline:
            outcome = self._deliver_queued()
            if not outcome.done and not outcome.rejected:
                break
        return not self._queue

    def close(self, timeout: float) -> bool:
        """Flushes, and ends the thread. What is not delivered then stays in the spool, if there is one."""
        whole = self.flush(timeout)
        with self._changed:
            self._closed = True
            spool, self._spool = self._spool, None
            if spool is not None:
                spool.finish_all()
                spool.close()
            self._changed.notify_all()
        return whole

    def stats(self) -> DeliveryStats:
        """The counts so far."""
        with self._changed:
            return DeliveryStats(
                self._delivered, self._duplicates, len(self._queue), self._spooled, self._dropped, self._rejected
            )

    def at_exit(self) -> None:
        """Delivers what it can before the process ends."""
        self.close(self._exit_timeout)

    def after_fork(self) -> None:
        """In a forked child: the parent delivers what is queued. The child begins with an empty queue, a lock and a thread of its own."""
        spool = self._spool
        if spool is not None:
            spool.close()
        self._delivered = self._duplicates = self._spooled = self._dropped = self._rejected = 0
        self._begin()

    def _begin(self) -> None:
        self._changed = threading.Condition()
        self._queue: Deque[_Queued] = deque()
        self._finished = 0
        self._failures = 0
        self._order = 0
        self._outcomes_from = 0.0
        self._hurry = False
        self._closed = False
        self._next_look = 0.0
        self._thread: Optional[threading.Thread] = None
        self._spool = _open_spool(self._spool_directory)

    def _added(self) -> int:
        return self._finished + len(self._queue)

    def _store(self, attempt: Encoded, *, in_memory: bool) -> Optional[Segment]:
        if self._spool is None:
            return None
        try:
            return self._spool.append(attempt, in_memory=in_memory)
        except OSError as error:
            log.debug("an attempt is not in the spool: %s", error)
            return None

    def _ensure_thread(self) -> bool:
        """Starts the thread if it does not run. False if that is impossible, as at the very end of a process."""
        if self._closed:
            return False
        if self._thread is not None and self._thread.is_alive():
            return True
        thread = threading.Thread(target=self._run, name="agent-performance", daemon=True)
        try:
            thread.start()
        except RuntimeError as error:
            log.debug("attempts are not delivered: %s", error)
            return False
        self._thread = thread
        _flush_at_end_of_child()
        return True

    def _run(self) -> None:
        failures = 0
        while self._has_work():
            if self._queue:
                self._gather()
                outcome = self._deliver_queued()
            else:
                outcome = self._deliver_left_over()
            if outcome.done or outcome.rejected:
                failures = 0
            else:
                failures += 1
                self._pause(outcome.retry_after, failures)

    def _has_work(self) -> bool:
        """Waits for attempts, or for the time to look for left over files. False if the thread is to end."""
        with self._changed:
            idle_until = time.monotonic() + _IDLE
            while not self._queue and not self._closed:
                now = time.monotonic()
                if self._spool is None:
                    if now >= idle_until:
                        self._thread = None
                        return False
                    self._changed.wait(idle_until - now)
                elif now >= self._next_look:
                    self._next_look = now + _SPOOL_INTERVAL
                    return True
                else:
                    self._changed.wait(self._next_look - now)
            return not self._closed

    def _gather(self) -> None:
        """Waits for more attempts to join the batch, unless somebody waits for them."""
        with self._changed:
            self._changed.wait_for(lambda: self._hurry or self._closed or len(self._queue) >= _MAX_BATCH, _GATHER)
            self._hurry = False

    def _pause(self, asked: float, failures: int) -> None:
        """Waits what the sidecar asked for, then the backoff, which a flush ends."""
        longest = min(_LONGEST_BACKOFF, _FIRST_BACKOFF * 2.0 ** min(failures - 1, 10))
        with self._changed:
            self._changed.wait_for(lambda: self._closed, asked)
            self._changed.wait_for(lambda: self._hurry or self._closed, random.random() * longest)

    def _deliver_queued(self) -> Outcome:
        """
        Sends the first batch of the queue, in parts if it is too large, and removes what needs no delivery any more. While a shared store is
        away, a sidecar with a spool takes attempts and refuses outcomes. Attempts then go first.
        """
        size = _MAX_BATCH
        while True:
            with self._changed:
                held = self._outcomes_from - time.monotonic()
                if held > 0 and self._queue and self._queue[0].attempt.is_outcome and not self._attempts_first():
                    return Outcome(again=True, retry_after=held)
                first = [queued.attempt for queued, _ in zip(self._queue, range(size))]
            are_outcomes = bool(first) and first[0].is_outcome
            # A request holds either attempts or outcomes.
            batch = [item.line for item in takewhile(lambda item: item.is_outcome == are_outcomes, first)]
            outcome = self._post(batch, are_outcomes)
            if outcome.too_large and len(batch) > 1:
                size = (len(batch) + 1) // 2
                continue
            with self._changed:
                self._count(outcome, len(batch))
                whole = outcome.done or outcome.too_large
                self._remove(len(batch), frozenset(range(len(batch))) if whole else outcome.rejected)
                if not whole and not outcome.rejected:
                    self._failures += 1
                    if are_outcomes and self._attempts_first():
                        self._outcomes_from = time.monotonic() + outcome.retry_after
                        continue
                self._changed.notify_all()
                return outcome._replace(done=whole)

    def _attempts_first(self) -> bool:
        """Moves all outcomes behind the attempts. False if there is no attempt. An outcome only has to follow its own attempt."""
        attempts = [queued for queued in self._queue if not queued.attempt.is_outcome]
        if not attempts:
            return False
        self._queue = deque(attempts + [queued for queued in self._queue if queued.attempt.is_outcome])
        self._order += 1
        return True

    def _deliver_left_over(self) -> Outcome:
        """Delivers the files that no process holds, until there are none, or attempts of this process wait."""
        while True:
            with self._changed:
                if self._spool is None or self._queue:
                    return Outcome(done=True)
                self._spool.finish_all()
                segment = self._spool.adopt()
            if segment is None:
                return Outcome(done=True)
            outcome = self._deliver_lines(segment)
            with self._changed:
                if self._spool is None:
                    return outcome
                if outcome.done:
                    self._spool.delete(segment)
                    continue
                self._spool.abandon(segment)
                # Look again after the backoff.
                self._next_look = 0.0
                return outcome

    def _deliver_lines(self, segment: Segment) -> Outcome:
        try:
            pending = segment.lines()
        except OSError as error:
            return Outcome(again=True, detail=f"cannot read {segment.path}: {error}")
        size = _MAX_BATCH
        while pending:
            are_outcomes = is_outcome_line(pending[0])
            batch = list(takewhile(lambda line: is_outcome_line(line) == are_outcomes, pending[:size]))
            rest = pending[len(batch) :]
            outcome = self._post(batch, are_outcomes)
            if outcome.too_large and len(batch) > 1:
                size = (len(batch) + 1) // 2
                continue
            with self._changed:
                self._count(outcome, len(batch))
            if outcome.done or outcome.too_large:
                pending = rest
            elif outcome.rejected:
                pending = [line for place, line in enumerate(batch) if place not in outcome.rejected] + rest
            else:
                return outcome
        return Outcome(done=True)

    def _post(self, lines: Sequence[str], are_outcomes: bool) -> Outcome:
        body = f"[{','.join(lines)}]".encode()
        try:
            answer = self._sidecar.request(
                "POST",
                "outcomes" if are_outcomes else "attempts",
                query={"partial": True},
                body=body,
                timeout=self._timeout,
            )
        except (OSError, http.client.HTTPException) as error:
            return Outcome(again=True, detail=f"{type(error).__name__}: {error}")
        return outcome_of(answer, len(lines))

    def _count(self, outcome: Outcome, size: int) -> None:
        self._delivered += outcome.accepted
        self._duplicates += outcome.duplicates
        self._rejected += size if outcome.too_large else len(outcome.rejected) + outcome.unknown
        if outcome.detail:
            log.debug("delivery to %s: %s", self._sidecar.url, outcome.detail)

    def _remove(self, size: int, places: "frozenset[int]") -> None:
        """Removes the attempts at these places of the first batch from the queue and from the spool."""
        first: List[_Queued] = [self._queue.popleft() for _ in range(min(size, len(self._queue)))]
        kept = [queued for place, queued in enumerate(first) if place not in places]
        self._queue.extendleft(reversed(kept))
        for place, queued in enumerate(first):
            if place in places:
                self._finished += 1
                if queued.segment is not None and self._spool is not None:
                    self._spool.delivered(queued.segment)
        self._changed.notify_all()


def _open_spool(directory: Optional[Path]) -> Optional[Spool]:
    if directory is None:
        return None
    try:
        return Spool(directory, _MAX_SPOOL_BYTES)
    except OSError as error:
        log.debug("goes on without a spool: %s", error)
        return None


_deliveries: "weakref.WeakSet[Delivery]" = weakref.WeakSet()


def _each(method: str) -> None:
    for delivery in list(_deliveries):
        try:
            getattr(delivery, method)()
        except Exception as error:  # noqa: BLE001: the process goes on, or ends, without it.
            log.debug("%s: %r", method, error)


def _at_exit() -> None:
    _each("at_exit")


def _after_fork() -> None:
    _each("after_fork")


def _flush_at_end_of_child() -> None:
    """A child of multiprocessing ends without the handlers of atexit."""
    multiprocessing: Any = sys.modules.get("multiprocessing")
    if multiprocessing is None or multiprocessing.parent_process() is None or os.getpid() in _flushed_at_end:
        return
    _flushed_at_end.add(os.getpid())
    from multiprocessing.util import Finalize

    Finalize(None, _at_exit, exitpriority=10)


_flushed_at_end: Set[int] = set()

atexit.register(_at_exit)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
