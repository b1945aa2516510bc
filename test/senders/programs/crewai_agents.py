"""CrewAI: Fixer and Reviewer work one after the other; or Fixer, whose model refuses."""

import os

from otel import provider

made = provider()
if os.environ["INSTRUMENTATION"] == "openinference":
    from openinference.instrumentation.crewai import CrewAIInstrumentor
else:
    from opentelemetry.instrumentation.crewai import CrewAIInstrumentor
CrewAIInstrumentor().instrument(tracer_provider=made)

from crewai import LLM, Agent, Crew, Task

MODEL = "fail-model" if os.environ["CASE"] == "fail" else "gpt-4o"
ROLES = ["Fixer"] if os.environ["CASE"] == "fail" else ["Fixer", "Reviewer"]


def task(role):
    agent = Agent(role=role, goal="do it", backstory="x", llm=LLM(model=MODEL, provider="openai"), max_retry_limit=0)
    return Task(name="a task", description="do it", expected_output="x", agent=agent)


tasks = [task(role) for role in ROLES]
Crew(agents=[one.agent for one in tasks], tasks=tasks, tracing=False).kickoff()
