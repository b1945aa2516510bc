"""One HTTP request to a sidecar, with a limit on its whole time. Redirects are not followed."""

from __future__ import annotations

import http.client
import json
import os
import time
import urllib.parse
from typing import Any, List, Mapping, Optional

from ._log import log

DEFAULT_URL = "http://127.0.0.1:9464"
_MAX_ANSWER_BYTES = 64 * 1024 * 1024


class Answer:
    """A complete answer of any status."""

    def __init__(self, status: int, body: bytes, retry_after: Optional[str]) -> None:
        self.status = status
        self.body = body
        self.retry_after = retry_after

    def json(self) -> Any:
        """The parsed body. None if it is not JSON."""
        try:
            return json.loads(self.body)
        except ValueError:
            return None

    def excerpt(self) -> str:
        """The status and the beginning of the body, for a log."""
        return f"{self.status} {self.body[:300].decode('utf-8', 'replace')}"


class Sidecar:
    """The URL and the token of a sidecar. By default from AGENT_PERFORMANCE_URL and AGENT_PERFORMANCE_TOKEN."""

    def __init__(self, url: Optional[str], token: Optional[str]) -> None:
        """Does not raise. With a URL that is not one of a sidecar, requests raise an OSError that says so."""
        self.url = url or os.environ.get("AGENT_PERFORMANCE_URL") or DEFAULT_URL
        self.token = token or os.environ.get("AGENT_PERFORMANCE_TOKEN")
        self._host = ""
        try:
            # A host and a port are enough, as for the command.
            parts = urllib.parse.urlsplit(self.url if "://" in self.url else f"http://{self.url}")
            self._secure, self._port, self._base = parts.scheme == "https", parts.port, parts.path.rstrip("/")
            if parts.scheme in ("http", "https") and " " not in parts.netloc:
                self._host = parts.hostname or ""
        except ValueError:
            pass
        if self._host == "":
            log.warning("%r is not the URL of a sidecar such as %s: nothing is recorded", self.url, DEFAULT_URL)

    def request(
        self,
        method: str,
        path: str,
        *,
        timeout: float,
        query: Optional[Mapping[str, Any]] = None,
        body: Optional[bytes] = None,
    ) -> Answer:
        """Sends a request to a path below /api/v1/. Raises OSError or http.client.HTTPException without a complete answer."""
        if self._host == "":
            raise OSError(f"{self.url!r} is not the URL of a sidecar")
        deadline = time.monotonic() + timeout
        target = f"{self._base}/api/v1/{path}{_query_text(query or {})}"
        headers = {"Accept": "application/json"}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        if body is not None:
            headers["Content-Type"] = "application/json"
        # A connection per request: the other side may close a kept one just as it is used again.
        open_connection = http.client.HTTPSConnection if self._secure else http.client.HTTPConnection
        connection = open_connection(self._host, self._port, timeout=timeout)
        try:
            connection.request(method, target, body=body, headers=headers)
            response = connection.getresponse()
            return Answer(response.status, _read(response, connection, deadline), response.getheader("Retry-After"))
        finally:
            connection.close()


def _read(response: http.client.HTTPResponse, connection: http.client.HTTPConnection, deadline: float) -> bytes:
    chunks: List[bytes] = []
    size = 0
    while True:
        remaining = deadline - time.monotonic()
        if remaining <= 0:
            raise TimeoutError("the answer was not complete in time")
        if connection.sock is not None:
            connection.sock.settimeout(remaining)
        chunk = response.read1(65536)
        if not chunk:
            if response.length:
                raise http.client.IncompleteRead(b"".join(chunks), response.length)
            return b"".join(chunks)
        size += len(chunk)
        if size > _MAX_ANSWER_BYTES:
            raise http.client.HTTPException(f"the answer is longer than {_MAX_ANSWER_BYTES} bytes")
        chunks.append(chunk)


def _query_text(query: Mapping[str, Any]) -> str:
    pairs = [(name, _value_text(value)) for name, value in query.items() if value is not None]
    return "?" + urllib.parse.urlencode(pairs) if pairs else ""


def _value_text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    isoformat = getattr(value, "isoformat", None)
    return str(isoformat()) if callable(isoformat) else str(value)
