"""OpenAI Agents: Fixer asks Helper by a tool, and Linter runs alone; or Failer, whose model refuses."""

import asyncio
import os

from otel import exporting, provider


def instrument(by):
    if by == "logfire":
        import logfire

        logfire.configure(send_to_logfire=False, console=False, additional_span_processors=[exporting()])
        logfire.instrument_openai_agents()
    elif by == "openlit":
        import openlit

        openlit.init(disable_metrics=True, disable_events=True)
    elif by == "openinference":
        from openinference.instrumentation.openai_agents import OpenAIAgentsInstrumentor

        OpenAIAgentsInstrumentor().instrument(tracer_provider=provider())
    else:
        from opentelemetry.instrumentation.openai_agents import OpenAIAgentsInstrumentor

        OpenAIAgentsInstrumentor().instrument(tracer_provider=provider())


instrument(os.environ["INSTRUMENTATION"])
from agents import Agent, Runner


async def main():
    if os.environ["CASE"] == "fail":
        return await Runner.run(Agent(name="Failer", model="fail-model", instructions="fix"), "fix it")
    helper = Agent(name="Helper", model="gpt-4o-mini", instructions="help")
    tool = helper.as_tool(tool_name="ask_helper", tool_description="asks the helper")
    await Runner.run(Agent(name="Fixer", model="gpt-4o", instructions="fix", tools=[tool]), "fix it")
    await Runner.run(Agent(name="Linter", model="gpt-4o-mini", instructions="lint"), "lint it")


asyncio.run(main())
