"""An attempt or an outcome as it is sent: one line of JSON with an id and a time."""

from __future__ import annotations

import json
import uuid
from datetime import datetime, timezone
from typing import Any, Dict, Mapping


class Encoded:
    """An attempt or an outcome as JSON. Encoding at once keeps what the caller stated, even if the caller changes the values later."""

    __slots__ = ("attempt_id", "line", "is_outcome")

    def __init__(self, attempt_id: str, line: str, *, is_outcome: bool = False) -> None:
        self.attempt_id = attempt_id
        self.line = line
        self.is_outcome = is_outcome


def encode(fields: Mapping[str, Any]) -> Encoded:
    """Adds an id and a timestamp where they are missing, and omits None. Raises TypeError or ValueError for values JSON has not."""
    stated = {name: value for name, value in fields.items() if value is not None}
    attempt_id = str(stated.setdefault("attempt_id", uuid.uuid4().hex))
    return Encoded(attempt_id, _line(stated))


def encode_outcome(fields: Mapping[str, Any]) -> Encoded:
    """Adds the current time where it is missing, because the delivery may take long. Raises as :func:`encode`."""
    stated = {name: value for name, value in fields.items() if value is not None}
    return Encoded(str(stated["attempt_id"]), _line(stated), is_outcome=True)


def is_outcome_line(line: str) -> bool:
    """Whether a line is an outcome. An attempt has no source."""
    return "source" in json.loads(line)


def _line(stated: Dict[str, Any]) -> str:
    timestamp = stated.setdefault("timestamp", datetime.now(timezone.utc))
    if isinstance(timestamp, datetime):
        stated["timestamp"] = _zoned(timestamp).isoformat()
    return json.dumps(stated, allow_nan=False, default=_plain, separators=(",", ":"))


def _zoned(timestamp: datetime) -> datetime:
    """With a zone, because the sidecar may run in another one. A naive datetime is local time."""
    return timestamp if timestamp.tzinfo is not None else timestamp.astimezone()


def _plain(value: Any) -> Any:
    """The Python number of a NumPy scalar."""
    item = getattr(value, "item", None)
    if callable(item):
        return item()
    raise TypeError(f"{type(value).__name__} is no value of an attempt")
