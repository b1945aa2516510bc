/** The shipped rules. */
import { CODING_AGENT_RULES } from './coding-agent-rules.ts'
import { FRAMEWORK_RULES } from './framework-rules.ts'
import { fieldsFrom, INVOKE_AGENT } from './invoke-agent.ts'
import type { OtlpFields, OtlpMapping } from './mapping.ts'

/** The event `agent.attempt`, whose attributes are the documented fields of an attempt. */
const ATTEMPT_EVENT: OtlpFields = {
  ...fieldsFrom(field => field.name),
  timestamp: ['timestamp', 'record:time'],
  attempt_id: ['attempt_id', 'record:id'],
  trace_id: ['trace_id', 'record:trace_id'],
}

/**
 * Ours are on. The others are off until a table enables them, because what they report is not what is asked for here, or because the same
 * work may also be reported as `invoke_agent` and would count twice. They precede `invoke_agent`, which matches some of their spans.
 */
export const DEFAULT_MAPPING: OtlpMapping = {
  'agent.attempt': {
    enabled: true,
    signal: 'logs',
    when: { 'record:event': ['agent.attempt'] },
    unless: {},
    attempt: ATTEMPT_EVENT,
    input_tokens_include_cache: false,
    roll_up: false,
    roll_up_failure: false,
  },
  ...CODING_AGENT_RULES,
  ...FRAMEWORK_RULES,
  // OpenLIT makes an `invoke_agent` span of each call of the node `model`, which is the model of an agent and no agent.
  'openlit-langgraph-model': {
    enabled: true,
    signal: 'traces',
    when: { 'record:scope': ['openlit.instrumentation.langgraph'], 'gen_ai.agent.name': ['model'] },
    unless: {},
    attempt: { ...INVOKE_AGENT, agent_name: [] },
    input_tokens_include_cache: true,
    roll_up: false,
    roll_up_failure: false,
  },
  invoke_agent: {
    enabled: true,
    signal: 'traces',
    when: { 'gen_ai.operation.name': ['invoke_agent'] },
    // OpenLIT's span of a handoff: the agent that takes over has a span of its own.
    unless: { 'gen_ai.agent.source': { absent: false } },
    attempt: INVOKE_AGENT,
    input_tokens_include_cache: true,
    roll_up: true,
    roll_up_failure: false,
  },
}
