"""A real sidecar, started from the source of this repository, and one that misbehaves on request."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Optional, Tuple

import pytest

from agent_performance import AgentPerformanceTracker

ROOT = Path(__file__).resolve().parents[3]
NODE = ROOT / "node_modules" / ".bin" / "node"


class RealSidecar:
    """A sidecar in a process of its own, with a store in a temporary folder."""

    def __init__(self, folder: Path) -> None:
        self.store = folder / "attempts.json"
        command = [NODE, ROOT / "src" / "main.ts", "serve", "--listen", "127.0.0.1:0", "--store", self.store, "--admin"]
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=_environment()
        )
        assert self.process.stdout is not None
        found = re.search(r"http://\S+", self.process.stdout.readline())
        assert found is not None, "the sidecar did not start"
        self.url = found.group()

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(30)


def _environment() -> Dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("AGENT_PERFORMANCE_")}


@pytest.fixture(scope="session")
def sidecar(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealSidecar]:
    started = RealSidecar(tmp_path_factory.mktemp("sidecar"))
    yield started
    started.stop()


@pytest.fixture
def tracker(sidecar: RealSidecar) -> Iterator[AgentPerformanceTracker]:
    opened = AgentPerformanceTracker(url=sidecar.url)
    yield opened
    opened.close()


Respond = Callable[[List[Dict[str, Any]]], Tuple[int, Any, Dict[str, str]]]


def kept(attempts: List[Dict[str, Any]]) -> Tuple[int, Any, Dict[str, str]]:
    return 200, {"accepted": len(attempts), "duplicates": 0}, {}


class FakeSidecar:
    """Answers posts with the given answers, by default as a sidecar does."""

    def __init__(self, port: int = 0) -> None:
        self.next: List[Respond] = []
        self.always: Respond = kept
        self.received: List[List[Dict[str, Any]]] = []
        self.headers: List[Dict[str, str]] = []
        self.confirmed: List[str] = []
        fake = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                attempts = json.loads(body)
                fake.received.append(attempts)
                fake.headers.append(dict(self.headers))
                status, answer, headers = (fake.next.pop(0) if fake.next else fake.always)(attempts)
                if status == 200:
                    fake.confirmed.extend(attempt["attempt_id"] for attempt in attempts)
                payload = json.dumps(answer).encode()
                self.send_response(status)
                for name, value in {"Content-Length": str(len(payload)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(payload)

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.port = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def fake() -> Iterator[FakeSidecar]:
    started = FakeSidecar()
    yield started
    started.close()


def free_port() -> int:
    """A port that nothing listens on."""
    server = FakeSidecar()
    server.close()
    return server.port


def run_python(*arguments: str, env: Optional[Dict[str, str]] = None) -> "subprocess.Popen[str]":
    """Runs Python with this package in a process of its own."""
    source = str(Path(__file__).resolve().parents[1] / "src")
    return subprocess.Popen(
        [sys.executable, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**_environment(), "PYTHONPATH": source, **(env or {})},
    )


def output_of(process: "subprocess.Popen[str]") -> str:
    """Standard output. The process must end well, and print nothing to standard error."""
    out, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (0, "")
    return out
