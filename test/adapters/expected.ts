/** What each program of programs/ records, by its cases. The fake models state the same usage in every answer. */
import type { AdapterName } from './frameworks.ts'

interface Case {
  /** What the caller of the framework got. */
  readonly result?: unknown
  readonly recorded: readonly object[]
}

export interface Expected {
  readonly cases: Readonly<Record<string, Case>>
  /** What the adapter said. */
  readonly problems?: readonly string[]
}

/** An attempt with so many model calls. */
type CallsOf = (calls: number, more?: object) => object
const times = (usage: Readonly<Record<string, number>>, calls: number): object =>
  Object.fromEntries(Object.entries(usage).map(([field, value]) => [field, value * calls]))

const base = { agent_name: 'Fixer', issue_type: 'bug', success: true }
const failed = (error_type: string): object => ({ success: false, error_type })
const ABORTED = failed('aborted')

/** The model answers as `gpt-5-2025-08-07`, and counts cache reads and writes within its input. */
const AI_USAGE = { input_tokens: 50, output_tokens: 20, cache_read_tokens: 40, cache_write_tokens: 10 }
/** Version 5 states no cache writes. */
const AI_5_USAGE = { input_tokens: 60, output_tokens: 20, cache_read_tokens: 40 }

export function expectedOfAiSdk(major: number): Expected {
  const usage = major === 5 ? AI_5_USAGE : AI_USAGE
  const ai: CallsOf = (calls, more) => ({ ...base, model_name: 'gpt-5', ...times(usage, calls), ...more })
  const alone: CallsOf = (calls, more) => ai(calls, { issue_type: 'chore', ...more })
  const noTokens = { ...base, model_name: 'gpt-5' }
  return {
    cases: {
      'a loop of tools': { result: 'done', recorded: [ai(2)] },
      'without the middleware': { result: 'done', recorded: [ai(1)] },
      'a judge': { result: 'done', recorded: [ai(1, { success: false, confidence: 0.75 })] },
      'a judge that says nothing': { result: 'done', recorded: [ai(1, failed('describe_failed'))] },
      'a step that fails': { result: 'threw RangeError', recorded: [ai(1, failed('RangeError'))] },
      'a stream': { result: 'abc', recorded: [ai(1)] },
      'a stream with an error': { result: 'a', recorded: [{ ...noTokens, ...failed('RangeError') }] },
      'a stream that is aborted': { recorded: [{ ...noTokens, ...ABORTED }] },
      'a call that is aborted': { result: 'threw AbortError', recorded: [{ ...noTokens, ...ABORTED }] },
      'two at the same time': { result: ['one', 'other'], recorded: [ai(1, { agent_name: 'Helper' }), ai(2)] },
      'within trackAttempt of the same agent': { result: 'done', recorded: [ai(2, { confidence: 0.5 })] },
      'a stream of steps': { result: 'abc', recorded: [ai(2)] },
      'a model alone': { result: 'done', recorded: [alone(1)] },
      'a stream of a model alone': { result: 'abc', recorded: [alone(1)] },
      'a model alone that fails': {
        result: 'threw RangeError',
        recorded: [{ ...noTokens, issue_type: 'chore', ...failed('RangeError') }],
      },
      'a model without labels': { result: 'done', recorded: [] },
    },
    problems: ['an outcome must be an object'],
  }
}

/** OpenAI's APIs count cache reads within the input. The stub answers with a dated name. */
const OPENAI_USAGE = { input_tokens: 60, output_tokens: 20, cache_read_tokens: 40 }
const ANSWER = 'Final Answer: done'
const responses: CallsOf = (calls, more) => ({
  ...base,
  model_name: 'gpt-5-2024-08-06',
  ...times({ ...OPENAI_USAGE, cache_write_tokens: 0 }, calls),
  ...more,
})
const chat: CallsOf = (calls, more) => ({ ...base, model_name: 'gpt-5', ...times(OPENAI_USAGE, calls), ...more })

const OPENAI_AGENTS: Expected = {
  cases: {
    'a loop of tools': { result: ANSWER, recorded: [responses(2)] },
    'a stream': { result: ANSWER, recorded: [responses(2)] },
    'a stream that its reader leaves': { recorded: [{ ...base, model_name: 'unknown', ...ABORTED }] },
    'chat completions': { result: ANSWER, recorded: [chat(2)] },
    'without data in traces': { result: ANSWER, recorded: [responses(1, { model_name: 'unknown' })] },
    'a model by its label': { result: ANSWER, recorded: [responses(1, { model_name: 'gpt-5' })] },
    'a handoff': {
      result: ANSWER,
      recorded: [responses(1, { agent_name: 'Triage' }), responses(1, { agent_name: 'Helper' })],
    },
    'an agent as a tool': {
      result: ANSWER,
      recorded: [responses(1, { agent_name: 'Helper', model_name: 'gpt-5-mini-2024-08-06' }), responses(2)],
    },
    'an agent within itself': { result: ANSWER, recorded: [responses(3)] },
    'a model that refuses': {
      result: 'threw Error',
      recorded: [{ ...base, model_name: 'unknown', ...failed('400') }],
    },
    'too many turns': {
      result: 'threw MaxTurnsExceededError',
      recorded: [responses(1, failed('MaxTurnsExceededError'))],
    },
    aborted: { result: 'threw AbortError', recorded: [responses(1, ABORTED)] },
    'a run that waits for a person': { result: 1, recorded: [] },
    'a run that was resumed': { result: ANSWER, recorded: [responses(1)] },
    'two at the same time': {
      result: [ANSWER, ANSWER],
      recorded: [responses(1, { agent_name: 'Other' }), responses(2, { agent_name: 'One' })],
    },
    'within trackAttempt of the same agent': {
      result: ANSWER,
      recorded: [responses(2, { issue_type: 'feature', confidence: 0.5 })],
    },
  },
}

const LANGCHAIN: Expected = {
  cases: {
    'a loop of tools': { result: 'seen', recorded: [chat(2)] },
    'a stream': { result: true, recorded: [chat(2)] },
    'a stream that its reader leaves': { recorded: [chat(1, ABORTED)] },
    'a graph within a graph': { result: ANSWER, recorded: [chat(2, { agent_name: 'Outer' })] },
    'a handler twice in the configuration': { result: ANSWER, recorded: [chat(1)] },
    'a model that refuses': {
      result: 'threw Error',
      recorded: [{ ...base, model_name: 'fail-model', ...failed('bad_model') }],
    },
    'a node that throws': { result: 'threw RangeError', recorded: [chat(1, failed('RangeError'))] },
    'a graph that waits for a person': { result: 1, recorded: [] },
    'a graph that was resumed': { result: 'yes', recorded: [{ ...base, model_name: 'unknown' }] },
    'a graph that stops before a node': { result: 'string', recorded: [] },
    aborted: { result: 'threw AbortError', recorded: [{ ...base, model_name: 'unknown', ...ABORTED }] },
    'two at the same time': {
      result: [ANSWER, ANSWER],
      recorded: [chat(1, { agent_name: 'Other' }), chat(2, { agent_name: 'One' })],
    },
    'within trackAttempt of the same agent': {
      result: ANSWER,
      recorded: [chat(1, { issue_type: 'feature', confidence: 0.5 })],
    },
    'a judge': {
      result: ANSWER,
      recorded: [chat(1, { agent_name: 'Judged', issue_type: 'unknown', success: false, confidence: 0.25 })],
    },
  },
}

/** Anthropic's API counts cached tokens apart. */
const CLAUDE_USAGE = { input_tokens: 60, output_tokens: 20, cache_read_tokens: 40, cache_write_tokens: 5 }
const CLAUDE = 'claude-sonnet-4-5-20250929'
const ofResult = { session_id: '6b2f7a52-0000-4000-8000-000000000000', cost_usd: 0.25 }
const claude = (more?: object): object => ({ ...base, model_name: CLAUDE, ...CLAUDE_USAGE, ...ofResult, ...more })
const subagent = (agent_name: string, more?: object): object => ({
  ...base,
  agent_name,
  model_name: CLAUDE,
  ...more,
})
const withoutResult = { ...base, model_name: CLAUDE }

const CLAUDE_AGENT_SDK: Expected = {
  cases: {
    'read to its end': { result: ['init', 'assistant', 'success'], recorded: [claude()] },
    'left at the result': { recorded: [claude()] },
    'read by next': { result: 3, recorded: [claude()] },
    'left before the result': { recorded: [{ ...withoutResult, ...ABORTED }] },
    'a judge': {
      result: ['init', 'assistant', 'success'],
      recorded: [claude({ success: false, confidence: 0.75 })],
    },
    subagents: {
      result: ['init', 'assistant', 'assistant', 'assistant', 'assistant', 'user', 'user', 'success'],
      recorded: [subagent('reviewer'), subagent('tester', failed('subagent_failed')), claude()],
    },
    'a subagent in the background': {
      result: ['init', 'assistant', 'user', 'task_notification', 'success'],
      recorded: [subagent('general-purpose', { model_name: 'claude-haiku-4-5' }), claude()],
    },
    'too many turns': {
      result: ['init', 'assistant', 'error_max_turns'],
      recorded: [claude(failed('error_max_turns'))],
    },
    'an API that refuses': {
      result: ['init', 'assistant', 'success'],
      recorded: [claude(failed('rate_limit'))],
    },
    'a program that ends without a result': {
      result: 'threw Error',
      recorded: [{ ...withoutResult, ...failed('Error') }],
    },
    aborted: { result: 'threw Error', recorded: [{ ...withoutResult, ...ABORTED }] },
    interrupted: { recorded: [claude(ABORTED)] },
    'a stream of two prompts': {
      result: ['init', 'assistant', 'success', 'init', 'assistant', 'success'],
      recorded: [claude(), claude()],
    },
    'two at the same time': { recorded: [claude(), claude(failed('error_max_turns'))] },
    'within trackAttempt of the same agent': {
      result: ['init', 'assistant', 'success'],
      recorded: [claude({ issue_type: 'feature', confidence: 0.5 })],
    },
    'a program that cannot be started': {
      result: 'threw ReferenceError',
      recorded: [{ ...base, model_name: 'unknown', ...failed('ReferenceError') }],
    },
  },
}

export const EXPECTED: Readonly<Record<AdapterName, Expected>> = {
  'ai-sdk': expectedOfAiSdk(7),
  'openai-agents': OPENAI_AGENTS,
  langchain: LANGCHAIN,
  'claude-agent-sdk': CLAUDE_AGENT_SDK,
}
