"""Google ADK: fixer asks helper by a tool; or fixer, whose model refuses."""

import asyncio
import os

from otel import provider

provider()
from google.adk.agents import LlmAgent
from google.adk.models.google_llm import Gemini
from google.adk.runners import InMemoryRunner
from google.adk.tools.agent_tool import AgentTool
from google.genai import types


def model(name):
    return Gemini(model=name, base_url=os.environ["MODEL_URL"])


async def main():
    if os.environ["CASE"] == "fail":
        agent = LlmAgent(name="fixer", model=model("gemini-fail"))
    else:
        helper = LlmAgent(name="helper", model=model("gemini-2.5-flash"))
        agent = LlmAgent(name="fixer", model=model("gemini-2.5-pro"), tools=[AgentTool(agent=helper)])
    runner = InMemoryRunner(agent=agent, app_name="app")
    session = await runner.session_service.create_session(app_name="app", user_id="x")
    message = types.Content(role="user", parts=[types.Part(text="fix it")])
    async for _ in runner.run_async(user_id="x", session_id=session.id, new_message=message):
        pass


asyncio.run(main())
