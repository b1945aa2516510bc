"""Strands: fixer asks helper by a tool; or failer, whose model refuses."""

import os

from otel import provider

provider()
from strands import Agent, tool
from strands.models.openai import OpenAIModel


def model(name):
    args = {"base_url": os.environ["OPENAI_BASE_URL"], "api_key": "x"}
    return OpenAIModel(client_args=args, model_id=name)


if os.environ["CASE"] == "fail":
    Agent(name="failer", model=model("fail-model"), callback_handler=None)("fix it")
else:

    @tool
    def ask_helper(question: str) -> str:
        """Asks the helper."""
        return str(Agent(name="helper", model=model("gpt-4o-mini"), callback_handler=None)(question))

    Agent(name="fixer", model=model("gpt-4o"), tools=[ask_helper], callback_handler=None)("fix it")
