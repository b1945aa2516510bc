/** The shipped rules. Each comment says what its telemetry tells of an attempt, and what it does not. */
import { FIELD_LIST, type ListedField } from '../../../core/attempt/fields.ts'
import type { OtlpFields, OtlpMapping } from './mapping.ts'

const UNKNOWN = { value: 'unknown' }

/** Every field from the attribute that `attributeOf` names, where it names one. */
function fieldsFrom(attributeOf: (field: ListedField) => string | undefined): OtlpFields {
  const named = FIELD_LIST.map(field => [field.name, attributeOf(field)] as const)
  return Object.fromEntries(
    named.flatMap(([name, attribute]) => (attribute === undefined ? [] : [[name, [attribute]]])),
  )
}

/** The event `agent.attempt`, whose attributes are the documented fields of an attempt. */
const ATTEMPT_EVENT: OtlpFields = {
  ...fieldsFrom(field => field.name),
  timestamp: ['timestamp', 'record:time'],
  attempt_id: ['attempt_id', 'record:id'],
  trace_id: ['trace_id', 'record:trace_id'],
}

/** Tokens under the names of the GenAI conventions, today's before older ones. */
const GEN_AI_USAGE: OtlpFields = {
  input_tokens: ['gen_ai.usage.input_tokens', 'gen_ai.usage.prompt_tokens'],
  output_tokens: ['gen_ai.usage.output_tokens', 'gen_ai.usage.completion_tokens'],
  cache_read_tokens: ['gen_ai.usage.cache_read.input_tokens', 'gen_ai.usage.cache_read_input_tokens'],
  cache_write_tokens: ['gen_ai.usage.cache_creation.input_tokens', 'gen_ai.usage.cache_creation_input_tokens'],
}

/**
 * A span of an agent at work: first the attributes that the library itself sets. Not every instrumentation names the model. The
 * conventions know neither issue types nor confidence: `agent.attempt.*` is for those. An agent that calls another makes two nested
 * spans, and both count: each is an attempt of its own agent.
 */
const INVOKE_AGENT: OtlpFields = {
  ...fieldsFrom(field => field.spanAttribute),
  ...GEN_AI_USAGE,
  model_name: ['gen_ai.request.model', 'gen_ai.response.model', UNKNOWN],
  issue_type: ['agent.attempt.issue_type', UNKNOWN],
  success: ['record:success'],
  time_seconds: ['record:duration_seconds'],
  timestamp: ['record:time'],
  attempt_id: ['agent.attempt.id', 'record:id'],
  session_id: ['agent.attempt.session_id', 'session.id', 'gen_ai.conversation.id'],
  trace_id: ['record:trace_id'],
}

/**
 * Claude Code's events of requests to the model. A request is no attempt at an issue: success says that the API did not fail, and
 * nothing of whether the issue was fixed. What they are good for is tokens, cost and time. The type of issue is only known where
 * somebody states it (`OTEL_RESOURCE_ATTRIBUTES=agent.attempt.issue_type=...`).
 */
const CLAUDE_CODE: OtlpFields = {
  agent_name: [{ value: 'claude-code' }],
  model_name: ['model'],
  issue_type: ['agent.attempt.issue_type', 'resource:agent.attempt.issue_type', UNKNOWN],
  success: [{ from: 'record:event', in: ['claude_code.api_request'] }],
  time_seconds: [{ from: 'duration_ms', scale: 0.001 }],
  timestamp: ['record:time', 'event.timestamp'],
  attempt_id: ['request_id', 'client_request_id', { join: ['session.id', 'event.sequence'] }, 'record:id'],
  error_type: ['status_code'],
  session_id: ['session.id'],
  trace_id: ['record:trace_id'],
  input_tokens: ['input_tokens'],
  output_tokens: ['output_tokens'],
  cache_read_tokens: ['cache_read_tokens'],
  cache_write_tokens: ['cache_creation_tokens'],
  cost_usd: ['cost_usd', { from: 'cost_usd_micros', scale: 1e-6 }],
}

/**
 * OpenLIT's span of a run of a Pydantic AI agent. It calls the operation `execute_task`, and puts a span named `invoke_agent` of the
 * same operation around it where the run was not asynchronous: only those named alike are one a run.
 */
const OPENLIT_PYDANTIC_AI: OtlpFields = {
  ...INVOKE_AGENT,
  issue_type: ['agent.attempt.issue_type', 'resource:agent.attempt.issue_type', UNKNOWN],
}

/**
 * OpenLIT's span of a whole session with a coding agent. Success is how the session ended: `completed` is the agent's own word for
 * it, only `committed` and `merged` say that the work was kept. One session may be many tries at many issues, and counts once.
 */
const OPENLIT_SESSION: OtlpFields = {
  ...GEN_AI_USAGE,
  agent_name: ['gen_ai.agent.name', 'coding_agent.client'],
  model_name: ['gen_ai.request.model', 'gen_ai.response.model', UNKNOWN],
  issue_type: ['agent.attempt.issue_type', 'resource:agent.attempt.issue_type', UNKNOWN],
  success: [{ from: 'coding_agent.session.outcome', in: ['completed', 'committed', 'merged'] }],
  time_seconds: [{ from: 'coding_agent.session.duration_ms', scale: 0.001 }, 'record:duration_seconds'],
  timestamp: ['record:time'],
  attempt_id: ['record:id'],
  session_id: ['session.id', 'gen_ai.conversation.id'],
  trace_id: ['record:trace_id'],
  cost_usd: ['coding_agent.session.cost_usd'],
}

/**
 * Ours are on. The others are off until a table enables them, because what they report is not what is asked for here: thousands of
 * requests that did not fail would drown the attempts that did, and lift every success rate.
 */
export const DEFAULT_MAPPING: OtlpMapping = {
  'agent.attempt': {
    enabled: true,
    signal: 'logs',
    when: { 'record:event': ['agent.attempt'] },
    attempt: ATTEMPT_EVENT,
    input_tokens_include_cache: false,
  },
  invoke_agent: {
    enabled: true,
    signal: 'traces',
    when: { 'gen_ai.operation.name': ['invoke_agent'] },
    attempt: INVOKE_AGENT,
    input_tokens_include_cache: true,
  },
  'claude-code': {
    enabled: false,
    signal: 'logs',
    when: { 'record:event': ['claude_code.api_request', 'claude_code.api_error'] },
    attempt: CLAUDE_CODE,
    input_tokens_include_cache: false,
  },
  'openlit-pydantic-ai': {
    enabled: false,
    signal: 'traces',
    when: {
      'gen_ai.operation.name': ['execute_task'],
      'gen_ai.provider.name': ['pydantic_ai'],
      'record:operation': ['execute_task'],
    },
    attempt: OPENLIT_PYDANTIC_AI,
    input_tokens_include_cache: true,
  },
  'openlit-session': {
    enabled: false,
    signal: 'traces',
    when: {
      'record:name': ['coding_agent.session'],
      'coding_agent.session.outcome': [
        'completed',
        'committed',
        'merged',
        'abandoned_no_change',
        'abandoned_with_change',
        'cancelled',
      ],
    },
    attempt: OPENLIT_SESSION,
    input_tokens_include_cache: true,
  },
}
