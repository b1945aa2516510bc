"""OpenAI Agents: Fixer asks Helper by a tool, and Linter runs alone; or Failer, whose model refuses."""

import asyncio
import os

from agents import Agent, Runner

INSTRUMENTATION = os.environ["INSTRUMENTATION"]
if INSTRUMENTATION == "openlit":
    import openlit

    openlit.init(otlp_endpoint=os.environ["OTEL_EXPORTER_OTLP_ENDPOINT"], disable_metrics=True, disable_events=True)
elif INSTRUMENTATION == "logfire":
    import logfire
    from otel import exporting

    logfire.configure(send_to_logfire=False, console=False, additional_span_processors=[exporting()])
    logfire.instrument_openai_agents()
else:
    from otel import provider

    if INSTRUMENTATION == "openinference":
        from openinference.instrumentation.openai_agents import OpenAIAgentsInstrumentor
    else:
        from opentelemetry.instrumentation.openai_agents import OpenAIAgentsInstrumentor
    OpenAIAgentsInstrumentor().instrument(tracer_provider=provider())


async def main():
    if os.environ["CASE"] == "fail":
        await Runner.run(Agent(name="Failer", model="fail-model"), "fix it")
        return
    helper = Agent(name="Helper", model="gpt-4o-mini", instructions="help")
    tool = helper.as_tool(tool_name="ask_helper", tool_description="asks the helper")
    await Runner.run(Agent(name="Fixer", model="gpt-4o", instructions="fix", tools=[tool]), "fix it")
    await Runner.run(Agent(name="Linter", model="gpt-4o-mini", instructions="lint"), "lint it")


try:
    asyncio.run(main())
finally:
    if INSTRUMENTATION == "openlit":
        from opentelemetry import trace

        trace.get_tracer_provider().shutdown()
    if INSTRUMENTATION == "logfire":
        logfire.shutdown()
