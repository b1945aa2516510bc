"""Pydantic AI: fixer asks helper by a tool; or failer, whose model refuses."""

import os

from otel import provider
from pydantic_ai import Agent

provider()
Agent.instrument_all()
try:
    from pydantic_ai.models.openai import OpenAIChatModel as Model
except ImportError:
    from pydantic_ai.models.openai import OpenAIModel as Model

if os.environ["CASE"] == "fail":
    Agent(Model("fail-model"), name="failer").run_sync("fix it")
else:
    helper = Agent(Model("gpt-4o-mini"), name="helper")
    fixer = Agent(Model("gpt-4o"), name="fixer")

    @fixer.tool_plain
    async def ask_helper(question: str) -> str:
        """Asks the helper."""
        return str((await helper.run(question)).output)

    fixer.run_sync("fix it")
