"""LangGraph: fixer asks helper by a tool; or failer, whose model refuses."""

import os

if os.environ["INSTRUMENTATION"] == "openlit":
    import openlit

    openlit.init(disable_metrics=True, disable_events=True)
else:
    from opentelemetry.instrumentation.langchain import LangchainInstrumentor
    from otel import provider

    LangchainInstrumentor().instrument(tracer_provider=provider())

from langchain.agents import create_agent
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI


def agent(name, model, tools=()):
    return create_agent(ChatOpenAI(model=model), list(tools), name=name)


ASK = {"messages": [{"role": "user", "content": "fix it"}]}
if os.environ["CASE"] == "fail":
    agent("failer", "fail-model").invoke(ASK)
else:
    helper = agent("helper", "gpt-4o-mini")

    @tool
    def ask_helper(question: str) -> str:
        """Asks the helper."""
        return helper.invoke({"messages": [{"role": "user", "content": question}]})["messages"][-1].content

    agent("fixer", "gpt-4o", [ask_helper]).invoke(ASK)
