/** Shipped rules for frameworks whose spans are no `invoke_agent` spans. Each comment says what its telemetry tells of an attempt. */
import { RUN, UNKNOWN } from './invoke-agent.ts'
import type { OtlpFields, OtlpMapping } from './mapping.ts'

/**
 * OpenLIT's span of a run of a Pydantic AI agent. It calls the operation `execute_task`, and puts a span named `invoke_agent` of the
 * same operation around it where the run was not asynchronous: only those named alike are one a run.
 */
const OPENLIT_PYDANTIC_AI: OtlpFields = RUN

/** Pydantic AI 1 names neither the operation nor, in its newer formats, the tokens of a run. Version 2 makes `invoke_agent` spans. */
const PYDANTIC_AI_1: OtlpFields = { ...RUN, agent_name: ['gen_ai.agent.name', 'agent_name'] }

/**
 * The Vercel AI SDK 4 to 6 with `experimental_telemetry`. The agent is the `functionId`: a call without one is none. Its own tokens are
 * those of the last step, so that only the calls of the model below it are counted. Version 7 makes `invoke_agent` spans.
 */
const AI_SDK: OtlpFields = {
  ...RUN,
  agent_name: ['ai.telemetry.functionId'],
  model_name: ['ai.model.id', UNKNOWN],
  input_tokens: [],
  output_tokens: [],
  cache_read_tokens: [],
  cache_write_tokens: [],
}

/**
 * OpenInference's `AGENT` spans: OpenAI Agents, CrewAI, Agno, smolagents. LangChain has only `CHAIN` spans, which name no agent.
 * An `AGENT` without a name at the root, as of OpenAI Agents, is the workflow.
 */
const OPENINFERENCE: OtlpFields = {
  ...RUN,
  agent_name: ['agent.name', 'graph.node.id', 'record:name'],
  model_name: ['llm.model_name', UNKNOWN],
  input_tokens: ['llm.token_count.prompt'],
  output_tokens: ['llm.token_count.completion'],
  cache_read_tokens: ['llm.token_count.prompt_details.cache_read'],
  cache_write_tokens: ['llm.token_count.prompt_details.cache_write'],
}

/** Logfire's own instrumentation of OpenAI Agents. */
const LOGFIRE: OtlpFields = { ...RUN, agent_name: ['name'] }

/** Off: the same run may also be reported as an `invoke_agent` span by another instrumentation. */
export const FRAMEWORK_RULES: OtlpMapping = {
  'openlit-pydantic-ai': {
    enabled: false,
    signal: 'traces',
    when: {
      'gen_ai.operation.name': ['execute_task'],
      'gen_ai.provider.name': ['pydantic_ai'],
      'record:operation': ['execute_task'],
    },
    unless: {},
    attempt: OPENLIT_PYDANTIC_AI,
    input_tokens_include_cache: true,
    roll_up: true,
    roll_up_failure: false,
  },
  'pydantic-ai-1': {
    enabled: false,
    signal: 'traces',
    when: {
      'record:scope': ['pydantic-ai'],
      'record:name': ['agent run'],
      'gen_ai.operation.name': { absent: true },
    },
    unless: {},
    attempt: PYDANTIC_AI_1,
    input_tokens_include_cache: true,
    roll_up: true,
    roll_up_failure: false,
  },
  'ai-sdk': {
    enabled: false,
    signal: 'traces',
    when: {
      'record:scope': ['ai'],
      'ai.operationId': ['ai.generateText', 'ai.streamText', 'ai.generateObject', 'ai.streamObject'],
    },
    unless: {},
    attempt: AI_SDK,
    input_tokens_include_cache: true,
    roll_up: true,
    roll_up_failure: false,
  },
  openinference: {
    enabled: false,
    signal: 'traces',
    when: { 'openinference.span.kind': ['AGENT'] },
    unless: {
      'record:scope': [
        'openinference.instrumentation.openai_agents',
        '@arizeai/openinference-instrumentation-openai-agents',
      ],
      'agent.name': { absent: true },
      'graph.node.id': { absent: true },
    },
    attempt: OPENINFERENCE,
    input_tokens_include_cache: true,
    roll_up: true,
    roll_up_failure: false,
  },
  'logfire-openai-agents': {
    enabled: false,
    signal: 'traces',
    when: { 'record:scope': ['logfire.openai_agents'], 'logfire.msg_template': ['Agent run: {name!r}'] },
    unless: {},
    attempt: LOGFIRE,
    input_tokens_include_cache: true,
    roll_up: true,
    roll_up_failure: false,
  },
}
