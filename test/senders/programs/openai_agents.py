"""OpenAI Agents: Fixer asks Helper by a tool, and Linter runs alone; or Failer, whose model refuses."""

import asyncio
import os

from agents import Agent, Runner, set_trace_processors
from otel import provider


def instrument(by):
    if by == "logfire":
        import logfire

        logfire.configure(send_to_logfire=False, console=False)
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


# Its own exporter would try to reach OpenAI.
set_trace_processors([])
instrument(os.environ["INSTRUMENTATION"])


async def main():
    if os.environ["CASE"] == "fail":
        return await Runner.run(Agent(name="Failer", model="fail-model", instructions="fix"), "fix it")
    helper = Agent(name="Helper", model="gpt-4o-mini", instructions="help")
    tool = helper.as_tool(tool_name="ask_helper", tool_description="asks the helper")
    await Runner.run(Agent(name="Fixer", model="gpt-4o", instructions="fix", tools=[tool]), "fix it")
    await Runner.run(Agent(name="Linter", model="gpt-4o-mini", instructions="lint"), "lint it")


asyncio.run(main())
