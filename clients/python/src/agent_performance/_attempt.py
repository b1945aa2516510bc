"""An attempt as it is sent: one line of JSON with an id and the time at which it ended."""

from __future__ import annotations

import json
import uuid
from datetime import datetime, timezone
from typing import Any, Mapping


class Encoded:
    """An attempt as JSON. Encoding at once keeps what the caller stated, even if the caller changes the values later."""

    __slots__ = ("attempt_id", "line")

    def __init__(self, attempt_id: str, line: str) -> None:
        self.attempt_id = attempt_id
        self.line = line


def encode(fields: Mapping[str, Any]) -> Encoded:
    """Adds an id and a timestamp where they are missing, and omits None. Raises TypeError or ValueError for values JSON has not."""
    stated = {name: value for name, value in fields.items() if value is not None}
    attempt_id = str(stated.setdefault("attempt_id", uuid.uuid4().hex))
    timestamp = stated.setdefault("timestamp", datetime.now(timezone.utc))
    if isinstance(timestamp, datetime):
        stated["timestamp"] = _zoned(timestamp).isoformat()
    return Encoded(attempt_id, json.dumps(stated, allow_nan=False, default=_plain, separators=(",", ":")))


def _zoned(timestamp: datetime) -> datetime:
    """With a zone, because the sidecar may run in another one. A naive datetime is local time."""
    return timestamp if timestamp.tzinfo is not None else timestamp.astimezone()


def _plain(value: Any) -> Any:
    """The Python number of a NumPy scalar."""
    item = getattr(value, "item", None)
    if callable(item):
        return item()
    raise TypeError(f"{type(value).__name__} is no value of an attempt")
