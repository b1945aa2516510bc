"""What an answer to a batch of attempts means."""

from __future__ import annotations

import email.utils
import time
from typing import Any, FrozenSet, NamedTuple, Optional

from ._http import Answer

#: Upper limit of Retry-After in seconds. A wrong value must not stop the delivery permanently.
_LONGEST_RETRY_AFTER = 300.0


class Outcome(NamedTuple):
    """Exactly one of `done` and `again` and `too_large` is true."""

    #: The whole batch needs no delivery any more.
    done: bool = False
    #: Send it again, without the attempts in `rejected`.
    again: bool = False
    #: Send it again in smaller batches.
    too_large: bool = False
    accepted: int = 0
    duplicates: int = 0
    #: Outcomes of attempts that the sidecar does not have.
    unknown: int = 0
    #: Places in the batch of attempts that the sidecar named as invalid.
    rejected: FrozenSet[int] = frozenset()
    #: Seconds that the sidecar asked to wait.
    retry_after: float = 0.0
    detail: str = ""


def outcome_of(answer: Answer, size: int) -> Outcome:
    """
    Everything is sent again, except attempts that the sidecar names as invalid. A wrong token, a wrong path or a proxy can be put right,
    and the attempts are then delivered.
    """
    body = answer.json()
    if answer.status == 200:
        receipt = _receipt(body, size)
        return receipt or Outcome(again=True, detail=f"no answer of a sidecar: {answer.excerpt()}")
    if answer.status == 413:
        return Outcome(too_large=True, detail=answer.excerpt())
    rejected = _named(body, size) if answer.status == 400 else frozenset()
    return Outcome(again=True, rejected=rejected, retry_after=_retry_after(answer.retry_after), detail=answer.excerpt())


def _receipt(body: Any, size: int) -> Optional[Outcome]:
    """None if the answer does not account permanentlyy attempt."""
    if not isinstance(body, dict):
        return None
    accepted, duplicates = body.get("accepted"), body.get("duplicates")
    rejected = _indexes(body.get("rejected", []), size)
    missing = body.get("unknown", [])
    unknown = len(missing) if isinstance(missing, list) else 0
    if not isinstance(accepted, int) or not isinstance(duplicates, int):
        return None
    if accepted + duplicates + unknown + len(rejected) != size:
        return None
    detail = str(body.get("rejected"))[:300] if rejected else f"no attempt has the id {missing[0]!r}" if unknown else ""
    return Outcome(
        done=True, accepted=accepted, duplicates=duplicates, unknown=unknown, rejected=rejected, detail=detail
    )


def _named(body: Any, size: int) -> FrozenSet[int]:
    return _indexes(body.get("errors"), size) if isinstance(body, dict) else frozenset()


def _indexes(items: Any, size: int) -> FrozenSet[int]:
    if not isinstance(items, list):
        return frozenset()
    stated = (item.get("index") for item in items if isinstance(item, dict))
    return frozenset(index for index in stated if isinstance(index, int) and 0 <= index < size)


def _retry_after(header: Optional[str]) -> float:
    """The delay of a Retry-After header, in seconds or as an HTTP date."""
    text = (header or "").strip()
    if text.isdigit():
        return min(float(text), _LONGEST_RETRY_AFTER)
    try:
        asked = email.utils.parsedate_to_datetime(text).timestamp() - time.time() if text else 0.0
    except (TypeError, ValueError):
        return 0.0
    return min(max(asked, 0.0), _LONGEST_RETRY_AFTER)
