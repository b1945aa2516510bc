"""Microsoft Agent Framework: fixer asks helper by a tool, with a model of OpenAI or of Anthropic."""

import asyncio
import os

from otel import provider

provider()
from agent_framework.observability import enable_instrumentation

enable_instrumentation()

if os.environ["CASE"] == "anthropic":
    from agent_framework.anthropic import AnthropicClient

    def client(_):
        return AnthropicClient(model="claude-sonnet-4-5")

else:
    from agent_framework.openai import OpenAIChatCompletionClient

    def client(name):
        return OpenAIChatCompletionClient(model=name)


async def main():
    if os.environ["CASE"] == "fail":
        await client("fail-model").as_agent(name="failer").run("fix it")
    elif os.environ["CASE"] == "anthropic":
        await client("").as_agent(name="fixer").run("fix it")
    else:
        helper = client("gpt-4o-mini").as_agent(name="helper")
        await client("gpt-4o").as_agent(name="fixer", tools=[helper.as_tool()]).run("fix it")


asyncio.run(main())
