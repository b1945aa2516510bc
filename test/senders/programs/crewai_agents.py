"""CrewAI: Fixer and Reviewer in one crew; or Fixer, whose model refuses."""

import os

os.environ.update(CREWAI_DISABLE_TELEMETRY="true", OTEL_SDK_DISABLED="false", CREWAI_TRACING_ENABLED="false")
from otel import provider

made = provider()
if os.environ["INSTRUMENTATION"] == "openinference":
    from openinference.instrumentation.crewai import CrewAIInstrumentor
else:
    from opentelemetry.instrumentation.crewai import CrewAIInstrumentor
CrewAIInstrumentor().instrument(tracer_provider=made)

from crewai import LLM, Agent, Crew, Task

failing = os.environ["CASE"] == "fail"


def agent(role):
    llm = LLM(model="openai/fail-model" if failing else "openai/gpt-4o", base_url=os.environ["OPENAI_BASE_URL"])
    return Agent(role=role, goal="fix", backstory="x", llm=llm, max_retry_limit=0)


agents = [agent("Fixer")] if failing else [agent("Fixer"), agent("Reviewer")]
tasks = [Task(description="fix it", expected_output="x", agent=one) for one in agents]
Crew(agents=agents, tasks=tasks).kickoff()
