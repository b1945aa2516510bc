"""
A folder of attempts that are not delivered yet, shared by any number of processes.

Each process appends to files of its own, and holds a lock (flock) on each. The kernel releases the locks when the process ends, however it
ends. A file without a lock is left over: the next process that finds it delivers it and deletes it. An attempt whose delivery was not
confirmed before a crash is delivered again, and its id makes the sidecar count it once.
"""

from __future__ import annotations

import json
import os
import uuid
from pathlib import Path
from typing import Any, Callable, List, Optional

from ._attempt import Encoded

try:
    import fcntl

    _flock: Optional[Callable[[int, int], Any]] = fcntl.flock
    _EXCLUSIVE = fcntl.LOCK_EX | fcntl.LOCK_NB
except ImportError:  # Windows has no flock.
    _flock = None
    _EXCLUSIVE = 0

#: Attempts per file: as many are sent again after a crash at the wrong time.
SEGMENT_ATTEMPTS = 1_000

_SUFFIX = ".ndjson"


def _is_json(line: str) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except ValueError:
        return False


class Segment:
    """A file of attempts that this process holds the lock of."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path = path
        #: Attempts in the file, those of them that are in the memory of this process too, and those of the latter that are delivered.
        self.written = 0
        self.in_memory = 0
        self.delivered = 0
        self._descriptor = descriptor

    def append(self, line: str) -> None:
        """Appends with one write, so that a crash leaves at most one incomplete line. Raises OSError."""
        data = f"{line}\n".encode()
        if os.write(self._descriptor, data) != len(data):
            raise OSError("the disk took only a part of an attempt")
        self.written += 1

    def lines(self) -> List[str]:
        """The complete lines. A crash can leave an incomplete one at the end. Raises OSError."""
        text = self.path.read_bytes().decode("utf-8", "replace")
        return [line for line in text.split("\n")[:-1] if _is_json(line)]

    def delete(self) -> None:
        """Deletes the file, then releases its lock."""
        try:
            self.path.unlink()
        finally:
            self.release()

    def release(self) -> None:
        """Releases the lock: another process may deliver the file."""
        os.close(self._descriptor)


class Spool:
    """The files of one process in a spool folder. Callers serialise the calls."""

    def __init__(self, directory: Path, max_bytes: int) -> None:
        """Raises OSError if the folder cannot be made, or the system has no flock."""
        if _flock is None:
            raise OSError("a spool needs flock, which this system does not have")
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._directory = directory
        self._max_bytes = max_bytes
        self._active: Optional[Segment] = None
        self._held: List[Segment] = []

    def append(self, attempt: Encoded, *, in_memory: bool) -> Segment:
        """Stores an attempt. Raises OSError if that fails, or if the folder holds too much."""
        segment = self._active or self._begin()
        try:
            segment.append(attempt.line)
        except OSError:
            # An incomplete line may be at its end, so that nothing may follow it.
            self._active = None
            raise
        if in_memory:
            segment.in_memory += 1
        if segment.written >= SEGMENT_ATTEMPTS:
            self._active = None
        return segment

    def delivered(self, segment: Segment) -> None:
        """Notes that one attempt of the segment that was in memory needs no delivery any more."""
        segment.delivered += 1
        if segment is not self._active or segment.delivered == segment.written:
            self._finish(segment)

    def finish_all(self) -> None:
        """Finishes every file of which nothing is in memory any more, also the one that is appended to."""
        for segment in list(self._held):
            self._finish(segment)

    def adopt(self) -> Optional[Segment]:
        """A file that another process left, with its lock. None if there is none."""
        for path in sorted(self._directory.glob(f"*{_SUFFIX}")):
            segment = self._take(path)
            if segment is not None:
                return segment
        return None

    def abandon(self, segment: Segment) -> None:
        """Releases an adopted file whose attempts could not be delivered yet."""
        self._held.remove(segment)
        segment.release()

    def delete(self, segment: Segment) -> None:
        """Deletes a file whose attempts are all delivered."""
        self._held.remove(segment)
        segment.delete()

    def close(self) -> None:
        """Releases all files. Also for a forked child: its copies of the descriptors would keep the locks of the parent."""
        for segment in self._held:
            segment.release()
        self._held.clear()
        self._active = None

    def _begin(self) -> Segment:
        if self._bytes() >= self._max_bytes:
            raise OSError(f"{self._directory} holds {self._max_bytes} bytes of attempts already")
        # The file gets its name when it is locked. Otherwise another process could take it in between.
        name = f"{os.getpid()}-{uuid.uuid4().hex}"
        unnamed = self._directory / f".{name}"
        descriptor = os.open(unnamed, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL, 0o600)
        assert _flock is not None
        _flock(descriptor, _EXCLUSIVE)
        path = self._directory / f"{name}{_SUFFIX}"
        unnamed.rename(path)
        self._active = Segment(path, descriptor)
        self._held.append(self._active)
        return self._active

    def _finish(self, segment: Segment) -> None:
        """Deletes a file that is delivered. Releases one whose other attempts are only in the file: it is found again as left over."""
        if segment not in self._held or segment.delivered < segment.in_memory:
            return
        if segment is self._active:
            self._active = None
        if segment.delivered >= segment.written:
            self.delete(segment)
        else:
            self.abandon(segment)

    def _take(self, path: Path) -> Optional[Segment]:
        """The locked file. None if another process holds it, or delivered it in the meantime."""
        if any(segment.path == path for segment in self._held):
            return None
        try:
            descriptor = os.open(path, os.O_RDONLY)
        except FileNotFoundError:
            return None
        try:
            assert _flock is not None
            _flock(descriptor, _EXCLUSIVE)
            if os.path.samestat(os.fstat(descriptor), os.stat(path)):
                segment = Segment(path, descriptor)
                self._held.append(segment)
                return segment
        except OSError:
            pass
        os.close(descriptor)
        return None

    def _bytes(self) -> int:
        total = 0
        for path in self._directory.glob(f"*{_SUFFIX}"):
            try:
                total += path.stat().st_size
            except FileNotFoundError:
                continue
        return total
