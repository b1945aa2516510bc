/**
 * What is recorded of senders, and what counts of it: the table of docs/otlp.md, and the cases of test/receive/otlp/frameworks.test.ts, which
 * holds each row on its recorded body. The file is long because it is one table.
 */

/** Agent, model, outcome (`success`, or the error type of a failure), and tokens: input, output, read from a cache. */
export type CountedRun = readonly [
  agent: string,
  model: string,
  outcome: string,
  input?: number,
  output?: number,
  cached?: number,
]

export interface RecordedSender {
  /** The file in test/fixtures/otlp/frameworks, without `.json`. */
  readonly body: string
  readonly sender: string
  readonly instrumentation: string
  /** The rule that has to be enabled. */
  readonly rule?: string
  /** What else a user sets. */
  readonly set?: string
  /** The sender states the cost of a run. Else it is computed, where model and tokens are known. */
  readonly cost?: 'stated'
  /** Runs of agents that the program made. */
  readonly made: number
  /** Those of them that failed. */
  readonly failed: number
  /** The runs that count, in the order in which they ended. */
  readonly runs: readonly CountedRun[]
}

type Runs = Pick<RecordedSender, 'made' | 'failed' | 'runs'>

/** An agent asks another one by a tool: two calls of its model and one of the other's, with the tokens of the stub model. */
const ASKS_HELPER: Runs = {
  made: 2,
  failed: 0,
  runs: [
    ['helper', 'gpt-4o-mini', 'success', 60, 20, 40],
    ['fixer', 'gpt-4o', 'success', 120, 40, 80],
  ],
}

/** The same where the instrumentation states no cached tokens. */
const ASKS_HELPER_UNCACHED: Runs = {
  made: 2,
  failed: 0,
  runs: [
    ['helper', 'gpt-4o-mini', 'success', 100, 20],
    ['fixer', 'gpt-4o', 'success', 200, 40],
  ],
}

/** An agent asks another one by a tool, and a third runs alone. The model is the one that answered, or the one that was asked. */
const threeAgents = (model: (name: string) => string): Runs => ({
  made: 3,
  failed: 0,
  runs: [
    ['Helper', model('gpt-4o-mini'), 'success', 60, 20, 40],
    ['Fixer', model('gpt-4o'), 'success', 120, 40, 80],
    ['Linter', model('gpt-4o-mini'), 'success', 60, 20, 40],
  ],
})
const asAnswered = (model: string): string => `${model}-2024-08-06`

/** An agent asks Claude once. */
const ASKS_CLAUDE: Runs = { made: 1, failed: 0, runs: [['fixer', 'claude-sonnet-4-5', 'success', 60, 20, 40]] }

/** The one run of an agent failed. */
const failed = (agent: string, model: string, errorType: string): Runs => ({
  made: 1,
  failed: 1,
  runs: [[agent, model, errorType]],
})

const OPENAI_AGENTS = 'OpenAI Agents (Python) 0.24.0'
const LOGFIRE = { sender: OPENAI_AGENTS, instrumentation: 'Logfire 5.4.0', rule: 'logfire-openai-agents' } as const
const OPENLIT = { sender: 'OpenAI Agents (Python) 0.20.0', instrumentation: 'OpenLIT 1.45.0' } as const
const OPENLLMETRY = 'OpenLLMetry 0.62.4'
const OPENINFERENCE = 'openinference'
const LANGGRAPH = {
  sender: 'LangGraph 1.2.22, LangChain 1.5.0',
  instrumentation: OPENLLMETRY,
  set: '`create_agent(…, name=…)`',
} as const
const PYDANTIC_AI = {
  instrumentation: 'its own',
  set: '`Agent.instrument_all()`, agents with a `name`',
} as const
const STRANDS = { sender: 'Strands 1.62.0', instrumentation: 'its own', set: 'agents with a `name`' } as const
const AGENT_FRAMEWORK = {
  sender: 'Microsoft Agent Framework 1.23.0',
  instrumentation: 'its own',
  set: '`enable_instrumentation()`',
} as const
const ADK = { sender: 'Google ADK 2.13.0', instrumentation: 'its own' } as const
const AUTOGEN = { sender: 'AutoGen 0.7.5', instrumentation: 'its own' } as const
const CREWAI = { sender: 'CrewAI 1.15.30', instrumentation: OPENLLMETRY } as const
const CREWAI_OPENINFERENCE = {
  sender: CREWAI.sender,
  instrumentation: 'OpenInference 1.1.21',
  rule: OPENINFERENCE,
} as const
const AI_SDK = {
  instrumentation: 'its own',
  rule: 'ai-sdk',
  set: '`experimental_telemetry: { isEnabled: true, functionId }`: the agent',
} as const
const CLAUDE_CODE_REQUESTS = {
  sender: 'Claude Code 2.1.332, requests',
  instrumentation: 'its own',
  rule: 'claude-code',
  cost: 'stated',
} as const
const CLAUDE_CODE_TRACES = { sender: 'Claude Code 2.1.332, traces (beta)', instrumentation: 'its own' } as const

export const RECORDED_SENDERS: readonly RecordedSender[] = [
  {
    body: 'oai-agents-v2-ok.traces',
    sender: OPENAI_AGENTS,
    instrumentation: 'opentelemetry-instrumentation-openai-agents-v2 0.1.0',
    made: 3,
    failed: 0,
    runs: [
      ['Helper', 'gpt-4o-mini-2024-08-06', 'success', 100, 20],
      ['Fixer', 'gpt-4o-2024-08-06', 'success', 200, 40],
      ['Linter', 'gpt-4o-mini-2024-08-06', 'success', 100, 20],
    ],
  },
  {
    body: 'oai-agents-openllmetry-ok.traces',
    sender: OPENAI_AGENTS,
    instrumentation: OPENLLMETRY,
    ...threeAgents(asAnswered),
  },
  {
    body: 'oai-agents-openinference-ok.traces',
    sender: OPENAI_AGENTS,
    instrumentation: 'OpenInference 2.6.0',
    rule: OPENINFERENCE,
    ...threeAgents(asAnswered),
  },
  {
    body: 'oai-agents-js.traces',
    sender: 'OpenAI Agents (JavaScript) 0.20.0',
    instrumentation: '@arizeai/openinference-instrumentation-openai-agents 0.2.15',
    rule: OPENINFERENCE,
    made: 2,
    failed: 0,
    runs: threeAgents(asAnswered).runs.slice(0, 2),
  },
  { body: 'oai-agents-logfire-ok.traces', ...LOGFIRE, ...threeAgents(model => model) },
  { body: 'oai-agents-logfire-fail.traces', ...LOGFIRE, ...failed('Failer', 'fail-model', 'failure') },
  { body: 'oai-agents-openlit-ok.traces', ...OPENLIT, ...threeAgents(model => model) },
  { body: 'oai-agents-openlit-fail.traces', ...OPENLIT, ...failed('Failer', 'fail-model', 'Error in agent run') },
  { body: 'pydantic-ai-vdefault-ok.traces', sender: 'Pydantic AI 2.62.0', ...PYDANTIC_AI, ...ASKS_HELPER },
  {
    body: 'pydantic-ai-1x-v2-ok.traces',
    sender: 'Pydantic AI 1.9.1',
    ...PYDANTIC_AI,
    rule: 'pydantic-ai-1',
    made: 2,
    failed: 0,
    runs: [
      ['helper', 'gpt-4o-mini', 'success'],
      ['fixer', 'gpt-4o', 'success'],
    ],
  },
  { body: 'strands-ok.traces', ...STRANDS, ...ASKS_HELPER },
  { body: 'strands-fail.traces', ...STRANDS, ...failed('failer', 'fail-model', 'openai.BadRequestError') },
  { body: 'maf-ok.traces', ...AGENT_FRAMEWORK, ...ASKS_HELPER },
  { body: 'maf-fail.traces', ...AGENT_FRAMEWORK, ...failed('failer', 'fail-model', 'ChatClientException') },
  {
    body: 'maf-anthropic.traces',
    ...AGENT_FRAMEWORK,
    sender: `${AGENT_FRAMEWORK.sender}, Anthropic`,
    ...ASKS_CLAUDE,
  },
  {
    body: 'adk-ok.traces',
    ...ADK,
    made: 2,
    failed: 0,
    runs: [
      ['helper', 'gemini-2.5-flash', 'success', 60, 20, 40],
      ['fixer', 'gemini-2.5-pro', 'success', 120, 40, 80],
    ],
  },
  {
    body: 'adk-sequential.traces',
    ...ADK,
    sender: `${ADK.sender}, a \`SequentialAgent\` of two: an agent without a model`,
    made: 3,
    failed: 0,
    runs: [
      ['fixer', 'gemini-2.5-pro', 'success', 60, 20, 40],
      ['reviewer', 'gemini-2.5-flash', 'success', 60, 20, 40],
      ['pipeline', 'unknown', 'success'],
    ],
  },
  { body: 'adk-fail.traces', ...ADK, ...failed('failer', 'gemini-fail', 'google.genai.errors.ClientError') },
  {
    body: 'autogen-ok.traces',
    ...AUTOGEN,
    made: 2,
    failed: 0,
    runs: [
      ['helper', 'unknown', 'success'],
      ['fixer', 'unknown', 'success'],
    ],
  },
  {
    body: 'autogen-openllmetry-ok.traces',
    ...AUTOGEN,
    instrumentation: `its own, and that of ${OPENLLMETRY} for OpenAI`,
    ...ASKS_HELPER,
  },
  { body: 'autogen-fail.traces', ...AUTOGEN, ...failed('failer', 'unknown', 'BadRequestError') },
  { body: 'lg-ok-openllmetry.traces', ...LANGGRAPH, ...ASKS_HELPER },
  {
    body: 'lg-ok-openlit.traces',
    ...LANGGRAPH,
    instrumentation: OPENLIT.instrumentation,
    made: 2,
    failed: 0,
    runs: [],
  },
  {
    body: 'lg-fail-openllmetry.traces',
    ...LANGGRAPH,
    ...failed('failer', 'fail-model', 'langchain_openai.chat_models.base.OpenAIInvalidRequestError'),
  },
  {
    body: 'crew-ok-openllmetry.traces',
    ...CREWAI,
    made: 2,
    failed: 0,
    runs: [
      ['Fixer', 'gpt-4o', 'success'],
      ['Reviewer', 'gpt-4o', 'success'],
    ],
  },
  { body: 'crew-fail-openllmetry.traces', ...CREWAI, ...failed('Fixer', 'fail-model', 'openai.BadRequestError') },
  {
    body: 'crew-ok-openinference.traces',
    ...CREWAI_OPENINFERENCE,
    made: 2,
    failed: 0,
    runs: [
      ['Fixer', 'unknown', 'success'],
      ['Reviewer', 'unknown', 'success'],
    ],
  },
  {
    body: 'crew-fail-openinference.traces',
    ...CREWAI_OPENINFERENCE,
    ...failed('Fixer', 'unknown', 'openai.BadRequestError'),
  },
  {
    body: 'smolagents-ok.traces',
    sender: 'smolagents 1.26.0',
    instrumentation: 'OpenInference 0.1.43',
    rule: OPENINFERENCE,
    made: 1,
    failed: 0,
    runs: [['fixer.run', 'gpt-4o', 'success', 100, 20]],
  },
  {
    body: 'ai7-nested.traces',
    sender: 'Vercel AI SDK 7.0.173',
    instrumentation: '@ai-sdk/otel 1.0.173',
    set: '`telemetry: { functionId }`: the agent',
    ...ASKS_HELPER,
  },
  {
    body: 'ai7-noname.traces',
    sender: 'Vercel AI SDK 7.0.173, without a `functionId`',
    instrumentation: '@ai-sdk/otel 1.0.173',
    made: 1,
    failed: 0,
    runs: [],
  },
  { body: 'ai4-nested.traces', sender: 'Vercel AI SDK 4.3.19', ...AI_SDK, ...ASKS_HELPER_UNCACHED },
  { body: 'ai5-nested.traces', sender: 'Vercel AI SDK 5.0.277', ...AI_SDK, ...ASKS_HELPER_UNCACHED },
  {
    body: 'ai5-anthropic.traces',
    sender: 'Vercel AI SDK 5.0.277, Anthropic',
    ...AI_SDK,
    made: 1,
    failed: 0,
    runs: [['fixer', 'claude-sonnet-4-5', 'success', 60, 20]],
  },
  { body: 'ai6-nested.traces', sender: 'Vercel AI SDK 6.0.325', ...AI_SDK, ...ASKS_HELPER },
  { body: 'ai6-anthropic.traces', sender: 'Vercel AI SDK 6.0.325, Anthropic', ...AI_SDK, ...ASKS_CLAUDE },
  {
    body: 'ai6-fail.traces',
    sender: 'Vercel AI SDK 6.0.325',
    ...AI_SDK,
    ...failed('fixer', 'fail-model', 'AI_APICallError'),
  },
  {
    body: 'mastra-ok.traces',
    sender: 'Mastra 1.71.0',
    instrumentation: '@mastra/otel-exporter 1.4.0',
    ...ASKS_HELPER,
  },
  {
    body: 'claude-code.logs',
    ...CLAUDE_CODE_REQUESTS,
    made: 1,
    failed: 0,
    runs: [['claude-code', 'claude-sonnet-4-5', 'success', 60, 20, 40]],
  },
  { body: 'claude-code-fail.logs', ...CLAUDE_CODE_REQUESTS, ...failed('claude-code', 'claude-fail', '400') },
  {
    body: 'claude-code.traces',
    ...CLAUDE_CODE_TRACES,
    sender: `${CLAUDE_CODE_TRACES.sender}, as it is`,
    made: 1,
    failed: 0,
    runs: [],
  },
  {
    body: 'claude-code.traces',
    ...CLAUDE_CODE_TRACES,
    rule: 'claude-code-interaction',
    made: 1,
    failed: 0,
    runs: [['claude-code', 'claude-sonnet-4-5', 'success', 60, 20, 40]],
  },
  {
    body: 'claude-code-fail.traces',
    ...CLAUDE_CODE_TRACES,
    rule: 'claude-code-interaction',
    ...failed('claude-code', 'claude-fail', '400'),
  },
  {
    body: 'codex.logs',
    sender: 'Codex 0.171, requests',
    instrumentation: 'its own',
    rule: 'codex',
    made: 1,
    failed: 0,
    runs: [['codex', 'gpt-5-codex', 'success']],
  },
  {
    body: 'gemini-cli.logs',
    sender: 'Gemini CLI 0.61, requests',
    instrumentation: 'its own',
    rule: 'gemini-cli',
    made: 1,
    failed: 0,
    runs: [['gemini-cli', 'gemini-2.5-flash', 'success', 60, 20, 40]],
  },
  {
    body: 'rust-tracing.logs',
    sender: 'Rust `tracing`, events named `agent.attempt`',
    instrumentation: 'opentelemetry-appender-tracing',
    set: 'the event name, or the field `event.name`',
    made: 8,
    failed: 2,
    runs: [0, 1, 2, 3].flatMap(n =>
      ['name', 'attr'].map((kind): CountedRun => [`rust-log-${kind}`, 'gpt-4o', n === 0 ? 'failure' : 'success']),
    ),
  },
  {
    body: 'rust-tracing.traces',
    sender: 'Rust `tracing`, spans',
    instrumentation: 'tracing-opentelemetry',
    set: 'fields with the names of the conventions',
    made: 4,
    failed: 1,
    runs: [0, 1, 2, 3].map((n): CountedRun => ['rust-fixer', 'gpt-4o', n === 0 ? 'failure' : 'success', 100]),
  },
]

const isKnown = ([, model]: CountedRun): boolean => model !== 'unknown'

/** What the runs state of their tokens. All runs of a row state the same kinds. */
function tokensOf(runs: readonly CountedRun[]): string {
  const kinds = ['input', 'output', 'cached'].filter((_, i) => runs.some(run => run[3 + i] !== undefined))
  return kinds.length === 0 ? '–' : kinds.join(', ')
}

/** A row per sender. A cost is computed where the model and the tokens are known, and the model has a price. */
export function sendersTable(): string {
  const rows = RECORDED_SENDERS.map(({ sender, instrumentation, rule, set, made, failed, runs, ...row }) => {
    const right = runs.filter(([, , outcome]) => outcome !== 'success').length
    const model = runs.length > 0 && runs.every(isKnown)
    const tokens = tokensOf(runs)
    const settings = [...(rule === undefined ? [] : [`rule \`${rule}\``]), ...(set === undefined ? [] : [set])]
    const cost = model && tokens !== '–' ? (row.cost ?? 'by price') : '–'
    const failures = failed === 0 ? '–' : `${right} of ${failed}`
    return [
      sender,
      instrumentation,
      settings.join('; ') || '–',
      `${runs.length} of ${made}`,
      failures,
      model ? 'yes' : '–',
      tokens,
      cost,
    ]
  })
  const titles = ['SDK, version', 'instrumentation', 'set', 'runs counted', 'failures right', 'model', 'tokens', 'cost']
  return [titles, titles.map(() => '---'), ...rows].map(cells => `| ${cells.join(' | ')} |`).join('\n')
}
