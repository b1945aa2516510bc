/** Shipped rules for coding agents. Each comment says what its telemetry tells of an attempt, and what it does not. */
import { GEN_AI_USAGE } from './gen-ai.ts'
import { RUN, UNKNOWN } from './invoke-agent.ts'
import type { OtlpFields, OtlpMapping } from './mapping.ts'

/** The type of issue is only known where somebody states it (`OTEL_RESOURCE_ATTRIBUTES=agent.attempt.issue_type=...`). */
const ISSUE_TYPE: OtlpFields['issue_type'] = ['agent.attempt.issue_type', 'resource:agent.attempt.issue_type', UNKNOWN]

/**
 * Claude Code's events of requests to the model. A request is no attempt at an issue: success says that the API did not fail, and
 * nothing of whether the issue was fixed. What they are good for is tokens, cost and time.
 */
const CLAUDE_CODE: OtlpFields = {
  agent_name: [{ value: 'claude-code' }],
  model_name: ['model'],
  issue_type: ISSUE_TYPE,
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
 * Codex' events of requests to the model, as of Claude Code. The tokens stand on another event, which tells of no failure: they are not
 * taken. Codex states neither a request id nor the time of the record, but the time at which it was observed.
 */
const CODEX: OtlpFields = {
  agent_name: [{ value: 'codex' }],
  model_name: ['model', 'slug'],
  issue_type: ISSUE_TYPE,
  success: [{ from: 'http.response.status_code', in: ['200'] }, { value: false }],
  time_seconds: [{ from: 'duration_ms', scale: 0.001 }],
  timestamp: ['record:time', 'event.timestamp'],
  attempt_id: ['record:id'],
  error_type: ['error.message', 'http.response.status_code'],
  session_id: ['conversation.id'],
  trace_id: ['record:trace_id'],
}

/** Gemini CLI's events of requests to the model, as of Claude Code. */
const GEMINI_CLI: OtlpFields = {
  agent_name: [{ value: 'gemini-cli' }],
  model_name: ['model'],
  issue_type: ISSUE_TYPE,
  success: [{ from: 'record:event', in: ['gemini_cli.api_response'] }],
  time_seconds: [{ from: 'duration_ms', scale: 0.001 }],
  timestamp: ['record:time', 'event.timestamp'],
  attempt_id: ['record:id'],
  error_type: ['error.type', 'error_type', 'status_code'],
  session_id: ['session.id'],
  trace_id: ['record:trace_id'],
  input_tokens: ['input_token_count'],
  output_tokens: ['output_token_count'],
  cache_read_tokens: ['cached_content_token_count'],
}

/**
 * Claude Code's span of one answer to its user. It is an `invoke_agent` span without the name of an agent. It has no error status where
 * the API refuses: success says that the last request of the agent was answered. Model and tokens are those of its requests.
 */
const CLAUDE_CODE_INTERACTION: OtlpFields = { ...RUN, agent_name: [{ value: 'claude-code' }] }

/**
 * OpenLIT's span of a whole session with a coding agent. Success is how the session ended: `completed` is the agent's own word for
 * it, only `committed` and `merged` say that the work was kept. One session may be many tries at many issues, and counts once.
 */
const OPENLIT_SESSION: OtlpFields = {
  ...GEN_AI_USAGE,
  agent_name: ['gen_ai.agent.name', 'coding_agent.client'],
  model_name: ['gen_ai.request.model', 'gen_ai.response.model', UNKNOWN],
  issue_type: ISSUE_TYPE,
  success: [{ from: 'coding_agent.session.outcome', in: ['completed', 'committed', 'merged'] }],
  time_seconds: [{ from: 'coding_agent.session.duration_ms', scale: 0.001 }, 'record:duration_seconds'],
  timestamp: ['record:time'],
  attempt_id: ['record:id'],
  session_id: ['session.id', 'gen_ai.conversation.id'],
  trace_id: ['record:trace_id'],
  cost_usd: ['coding_agent.session.cost_usd'],
}

/** Off: thousands of requests that did not fail would drown the attempts that did, and lift every success rate. */
export const CODING_AGENT_RULES: OtlpMapping = {
  'claude-code': {
    enabled: false,
    signal: 'logs',
    when: { 'record:event': ['claude_code.api_request', 'claude_code.api_error'] },
    unless: {},
    attempt: CLAUDE_CODE,
    input_tokens_include_cache: false,
    roll_up: false,
    roll_up_failure: false,
  },
  codex: {
    enabled: false,
    signal: 'logs',
    when: { 'record:event': ['codex.api_request'] },
    unless: {},
    attempt: CODEX,
    input_tokens_include_cache: true,
    roll_up: false,
    roll_up_failure: false,
  },
  'gemini-cli': {
    enabled: false,
    signal: 'logs',
    when: { 'record:event': ['gemini_cli.api_response', 'gemini_cli.api_error'] },
    unless: {},
    attempt: GEMINI_CLI,
    input_tokens_include_cache: true,
    roll_up: false,
    roll_up_failure: false,
  },
  'claude-code-interaction': {
    enabled: false,
    signal: 'traces',
    when: { 'record:scope': ['com.anthropic.claude_code.tracing'], 'span.type': ['interaction'] },
    unless: {},
    attempt: CLAUDE_CODE_INTERACTION,
    input_tokens_include_cache: true,
    roll_up: true,
    roll_up_failure: true,
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
    unless: {},
    attempt: OPENLIT_SESSION,
    input_tokens_include_cache: true,
    roll_up: false,
    roll_up_failure: false,
  },
}
