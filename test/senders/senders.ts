/** The programs that are recorded, by the name of their fixtures, each with the packages that it runs. */
import type { Signal } from './capture.ts'

export interface Sender {
  readonly language: 'python' | 'node'
  /** With exact versions. */
  readonly packages: readonly string[]
  /** A file of programs/. */
  readonly program: string
  readonly env: Readonly<Record<string, string>>
  /** What is recorded. Default: spans. */
  readonly signals?: readonly Signal[]
}

type Env = Sender['env']

const otelPython = (version: string): readonly string[] =>
  ['sdk', 'exporter-otlp-proto-http'].map(name => `opentelemetry-${name}==${version}`)
const OTEL_NODE = '@opentelemetry/sdk-node@0.223.0'

/** `otel` is the newest version of OpenTelemetry that the packages allow. */
const python = (program: string, packages: readonly string[], env: Env, otel = '1.45.2'): Sender => ({
  language: 'python',
  packages: [...otelPython(otel), ...packages],
  program: `${program}.py`,
  env,
})

const node = (program: string, packages: readonly string[], env: Env): Sender => ({
  language: 'node',
  packages: [OTEL_NODE, ...packages],
  program: `${program}.mjs`,
  env,
})

const claudeCode = (env: Env): Sender => ({
  language: 'node',
  packages: ['@anthropic-ai/claude-code@2.1.332'],
  program: 'claude_code.mjs',
  env,
  signals: ['logs', 'traces'],
})

const openaiAgents = (instrumentation: string, by: string, which = 'ok'): Sender =>
  python('openai_agents', ['openai-agents==0.24.0', instrumentation], { INSTRUMENTATION: by, CASE: which })

const openlit = (which: string): Sender => {
  const packages = ['openai-agents==0.20.0', 'openlit==1.45.0']
  return python('openai_agents', packages, { INSTRUMENTATION: 'openlit', CASE: which }, '1.45.1')
}

const LANGGRAPH = ['langgraph==1.2.22', 'langchain==1.5.0', 'langchain-openai==1.7.4']
const langgraph = (which: string): Sender => {
  const packages = [...LANGGRAPH, 'opentelemetry-instrumentation-langchain==0.62.4']
  return python('langgraph_agents', packages, { INSTRUMENTATION: 'openllmetry', CASE: which })
}
const strands = (which: string): Sender =>
  python('strands_agents', ['strands-agents[openai]==1.62.0'], { CASE: which }, '1.45.1')
const AGENT_FRAMEWORK = ['agent-framework-core==1.23.0', 'agent-framework-openai==1.17.0']
const adk = (which: string): Sender => python('google_adk_agents', ['google-adk==2.13.0'], { CASE: which }, '1.44.0')
const AUTOGEN = ['autogen-agentchat==0.7.5', 'autogen-ext[openai]==0.7.5']
const CREWAI = 'crewai==1.15.30'
const [AI4, AI5, AI6, AI7] = [
  ['ai@4.3.19', '@ai-sdk/openai@1.3.24', 'zod@3.25.76'],
  ['ai@5.0.277', '@ai-sdk/openai@2.0.131', 'zod@3.25.76'],
  ['ai@6.0.325', '@ai-sdk/openai@3.0.141', 'zod@4.6.7'],
  ['ai@7.0.173', '@ai-sdk/otel@1.0.173', '@ai-sdk/openai@4.0.118', 'zod@4.6.7'],
]

export const SENDERS: ReadonlyMap<string, Sender> = new Map([
  ['oai-agents-v2-ok', openaiAgents('opentelemetry-instrumentation-openai-agents-v2==0.1.0', 'otel')],
  ['oai-agents-openllmetry-ok', openaiAgents('opentelemetry-instrumentation-openai-agents==0.62.4', 'otel')],
  ['oai-agents-openinference-ok', openaiAgents('openinference-instrumentation-openai-agents==2.6.0', 'openinference')],
  ['oai-agents-logfire-ok', openaiAgents('logfire==5.4.0', 'logfire')],
  ['oai-agents-logfire-fail', openaiAgents('logfire==5.4.0', 'logfire', 'fail')],
  ['oai-agents-openlit-ok', openlit('ok')],
  ['oai-agents-openlit-fail', openlit('fail')],
  ['pydantic-ai-vdefault-ok', python('pydantic_ai_agents', ['pydantic-ai-slim[openai]==2.62.0'], { CASE: 'ok' })],
  ['pydantic-ai-1x-v2-ok', python('pydantic_ai_agents', ['pydantic-ai-slim[openai]==1.9.1'], { CASE: 'ok' }, '1.39.1')],
  ['strands-ok', strands('ok')],
  ['strands-fail', strands('fail')],
  ['maf-ok', python('agent_framework_agents', AGENT_FRAMEWORK, { CASE: 'ok' })],
  ['maf-fail', python('agent_framework_agents', AGENT_FRAMEWORK, { CASE: 'fail' })],
  [
    'maf-anthropic',
    python('agent_framework_agents', [...AGENT_FRAMEWORK, 'agent-framework-anthropic==1.0.0b261022'], {
      CASE: 'anthropic',
    }),
  ],
  ['adk-ok', adk('ok')],
  ['adk-fail', adk('fail')],
  ['adk-sequential', adk('sequential')],
  ['autogen-ok', python('autogen_agents', AUTOGEN, { INSTRUMENTATION: 'none', CASE: 'ok' })],
  ['autogen-fail', python('autogen_agents', AUTOGEN, { INSTRUMENTATION: 'none', CASE: 'fail' })],
  [
    'autogen-openllmetry-ok',
    python('autogen_agents', [...AUTOGEN, 'opentelemetry-instrumentation-openai==0.62.4'], {
      INSTRUMENTATION: 'openai',
      CASE: 'ok',
    }),
  ],
  ['lg-ok-openllmetry', langgraph('ok')],
  [
    'lg-ok-openlit',
    python('langgraph_agents', [...LANGGRAPH, 'openlit==1.45.0'], { INSTRUMENTATION: 'openlit', CASE: 'ok' }, '1.45.1'),
  ],
  ['lg-fail-openllmetry', langgraph('fail')],
  ...(['ok', 'fail'] as const).flatMap((which): [string, Sender][] => [
    [
      `crew-${which}-openllmetry`,
      python('crewai_agents', [CREWAI, 'opentelemetry-instrumentation-crewai==0.62.4'], {
        INSTRUMENTATION: 'openllmetry',
        CASE: which,
      }),
    ],
    [
      `crew-${which}-openinference`,
      python('crewai_agents', [CREWAI, 'openinference-instrumentation-crewai==1.1.21'], {
        INSTRUMENTATION: 'openinference',
        CASE: which,
      }),
    ],
  ]),
  [
    'smolagents-ok',
    python('smolagents_agents', ['smolagents[openai]==1.26.0', 'openinference-instrumentation-smolagents==0.1.43'], {
      CASE: 'ok',
    }),
  ],
  ['ai4-nested', node('ai_sdk', AI4!, { AI_MAJOR: '4', CASE: 'ok' })],
  ['ai5-nested', node('ai_sdk', AI5!, { AI_MAJOR: '5', CASE: 'ok' })],
  ['ai6-nested', node('ai_sdk', AI6!, { AI_MAJOR: '6', CASE: 'ok' })],
  ['ai6-fail', node('ai_sdk', AI6!, { AI_MAJOR: '6', CASE: 'fail' })],
  ['ai5-anthropic', node('ai_sdk', [...AI5!, '@ai-sdk/anthropic@2.0.112'], { AI_MAJOR: '5', CASE: 'anthropic' })],
  ['ai6-anthropic', node('ai_sdk', [...AI6!, '@ai-sdk/anthropic@3.0.140'], { AI_MAJOR: '6', CASE: 'anthropic' })],
  ['ai7-nested', node('ai_sdk', AI7!, { AI_MAJOR: '7', CASE: 'ok' })],
  ['ai7-noname', node('ai_sdk', AI7!, { AI_MAJOR: '7', CASE: 'noname' })],
  [
    'oai-agents-js',
    node(
      'openai_agents',
      ['@openai/agents@0.20.0', '@arizeai/openinference-instrumentation-openai-agents@0.2.15', 'zod@4.6.7'],
      { CASE: 'ok' },
    ),
  ],
  [
    'mastra-ok',
    node(
      'mastra',
      [
        '@mastra/core@1.71.0',
        '@mastra/observability@1.17.9',
        '@mastra/otel-exporter@1.4.0',
        '@ai-sdk/openai@4.0.118',
        'zod@4.6.7',
      ],
      { CASE: 'ok' },
    ),
  ],
  ['claude-code', claudeCode({ CASE: 'ok' })],
  ['claude-code-fail', claudeCode({ CASE: 'fail' })],
])
