"""Pydantic AI: fixer asks helper by a tool."""

from otel import provider
from pydantic_ai import Agent
from pydantic_ai.models.openai import OpenAIChatModel

provider()
Agent.instrument_all()
helper = Agent(OpenAIChatModel("gpt-4o-mini"), name="helper")
fixer = Agent(OpenAIChatModel("gpt-4o"), name="fixer")


@fixer.tool_plain
async def ask_helper(question: str) -> str:
    """Asks the helper."""
    return str((await helper.run(question)).output)


fixer.run_sync("fix it")
