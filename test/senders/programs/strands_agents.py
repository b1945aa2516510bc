"""Strands: fixer asks helper by a tool; or failer, whose model refuses."""

import os

from otel import provider
from strands import Agent, tool
from strands.models.openai import OpenAIModel

provider()


def agent(name, model, tools=()):
    return Agent(name=name, model=OpenAIModel(model_id=model), tools=list(tools), callback_handler=None)


if os.environ["CASE"] == "fail":
    agent("failer", "fail-model")("fix it")
else:
    helper = agent("helper", "gpt-4o-mini")

    @tool
    def ask_helper(question: str) -> str:
        """Asks the helper."""
        return str(helper(question))

    agent("fixer", "gpt-4o", [ask_helper])("fix it")
