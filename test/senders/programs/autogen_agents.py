"""AutoGen: fixer asks helper by a tool; or failer, whose model refuses."""

import asyncio
import os

from autogen_agentchat.agents import AssistantAgent
from autogen_agentchat.tools import AgentTool
from autogen_ext.models.openai import OpenAIChatCompletionClient
from otel import provider

made = provider()
if os.environ["INSTRUMENTATION"] == "openai":
    from opentelemetry.instrumentation.openai import OpenAIInstrumentor

    OpenAIInstrumentor().instrument(tracer_provider=made)
ABLE = {"vision": False, "function_calling": True, "json_output": False, "family": "unknown", "structured_output": False}


def agent(name, model, tools=None):
    client = OpenAIChatCompletionClient(model=model, model_info=ABLE)
    return AssistantAgent(name, client, tools=tools, description=name, reflect_on_tool_use=tools is not None)


async def main():
    if os.environ["CASE"] == "fail":
        await agent("failer", "fail-model").run(task="fix it")
    else:
        await agent("fixer", "gpt-4o", [AgentTool(agent("helper", "gpt-4o-mini"))]).run(task="fix it")


asyncio.run(main())
