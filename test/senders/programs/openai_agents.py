"""OpenAI Agents: Fixer asks Helper by a tool, and Linter runs alone."""

import asyncio
import os

from agents import Agent, Runner
from otel import provider

if os.environ["INSTRUMENTATION"] == "openinference":
    from openinference.instrumentation.openai_agents import OpenAIAgentsInstrumentor
else:
    from opentelemetry.instrumentation.openai_agents import OpenAIAgentsInstrumentor
OpenAIAgentsInstrumentor().instrument(tracer_provider=provider())


async def main():
    helper = Agent(name="Helper", model="gpt-4o-mini", instructions="help")
    tool = helper.as_tool(tool_name="ask_helper", tool_description="asks the helper")
    await Runner.run(Agent(name="Fixer", model="gpt-4o", instructions="fix", tools=[tool]), "fix it")
    await Runner.run(Agent(name="Linter", model="gpt-4o-mini", instructions="lint"), "lint it")


asyncio.run(main())
