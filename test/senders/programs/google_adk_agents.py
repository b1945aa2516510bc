"""Google ADK: fixer asks helper by a tool; fixer, whose model refuses; or fixer and reviewer one after the other."""

import asyncio
import os

from google.adk.agents import LlmAgent, SequentialAgent
from google.adk.runners import InMemoryRunner
from google.adk.tools.agent_tool import AgentTool
from google.genai import types
from otel import provider

provider()


def agent(name, model, tools=()):
    return LlmAgent(name=name, model=model, description=name, instruction="do it", tools=list(tools))


CASES = {
    "ok": lambda: agent("fixer", "gemini-2.5-pro", [AgentTool(agent("helper", "gemini-2.5-flash"))]),
    "fail": lambda: agent("failer", "gemini-fail"),
    "sequential": lambda: SequentialAgent(
        name="pipeline",
        sub_agents=[agent("fixer", "gemini-2.5-pro"), agent("reviewer", "gemini-2.5-flash")],
    ),
}


async def main():
    runner = InMemoryRunner(agent=CASES[os.environ["CASE"]](), app_name="app")
    session = await runner.session_service.create_session(app_name="app", user_id="u")
    message = types.Content(role="user", parts=[types.Part(text="fix it")])
    async for _ in runner.run_async(user_id="u", session_id=session.id, new_message=message):
        pass


asyncio.run(main())
