"""smolagents, instrumented by OpenInference: fixer answers by its final tool."""

from openinference.instrumentation.smolagents import SmolagentsInstrumentor
from otel import provider

SmolagentsInstrumentor().instrument(tracer_provider=provider())

from smolagents import OpenAIModel, ToolCallingAgent

ToolCallingAgent(tools=[], model=OpenAIModel("gpt-4o"), name="fixer", description="fixes", max_steps=2).run("fix it")
