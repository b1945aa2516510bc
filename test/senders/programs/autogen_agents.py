"""AutoGen: fixer calls a tool."""

import asyncio
import os

from otel import provider

provider()
from autogen_agentchat.agents import AssistantAgent
from autogen_ext.models.openai import OpenAIChatCompletionClient


def ask(question: str) -> str:
    """Asks."""
    return "x"


async def main():
    name = "fail-model" if os.environ["CASE"] == "fail" else "gpt-4o"
    info = {"vision": False, "function_calling": True, "json_output": False, "family": "unknown", "structured_output": False}
    client = OpenAIChatCompletionClient(model=name, model_info=info)
    await AssistantAgent(name="fixer", model_client=client, tools=[ask]).run(task="fix it")


asyncio.run(main())
