"""The examples of the README run as they stand, and print what it says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from .conftest import RealSidecar, output_of, run_python

README = Path(__file__).resolve().parents[1] / "README.md"


def test_the_examples_of_the_readme_print_what_it_says(tmp_path_factory: pytest.TempPathFactory) -> None:
    text = README.read_text(encoding="utf-8")
    programs = re.findall(r"^```python\n(.*?)^```$", text, re.M | re.S)
    printed = re.findall(r"^```text\n(.*?)^```$", text, re.M | re.S)
    assert len(programs) == len(printed) == 6
    sidecar = RealSidecar(tmp_path_factory.mktemp("readme"))
    try:
        program = "\n".join(programs)
        out = output_of(run_python("-c", program, env={"AGENT_PERFORMANCE_URL": sidecar.url}))
    finally:
        sidecar.stop()
    assert out == "".join(printed)
