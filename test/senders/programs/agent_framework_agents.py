"""Microsoft Agent Framework: fixer asks helper by a tool; failer, whose model refuses; or fixer alone with Anthropic."""

import asyncio
import os

from agent_framework import Agent
from agent_framework.observability import enable_instrumentation
from agent_framework.openai import OpenAIChatClient
from otel import provider

provider()
enable_instrumentation()


def agent(name, model, tools=None):
    return Agent(client=OpenAIChatClient(model=model), name=name, tools=tools)


async def main():
    case = os.environ["CASE"]
    if case == "fail":
        await agent("failer", "fail-model").run("fix it")
    elif case == "anthropic":
        from agent_framework.anthropic import AnthropicClient

        await Agent(client=AnthropicClient(model="claude-sonnet-4-5"), name="fixer").run("fix it")
    else:
        helper = agent("helper", "gpt-4o-mini")
        await agent("fixer", "gpt-4o", [helper.as_tool(name="ask_helper", description="asks the helper")]).run("fix it")


asyncio.run(main())
