/** Where the GenAI conventions, and the instrumentations that extend them, state the fields of an attempt. */
import { FIELD_LIST, type ListedField } from '../../../core/attempt/fields.ts'
import { GEN_AI_USAGE } from './gen-ai.ts'
import type { OtlpFields, OtlpSource } from './mapping.ts'

/** The name of a value that is not stated. */
export const UNKNOWN: OtlpSource = { value: 'unknown' }

/** Every field from the attribute that `attributeOf` names, where it names one. */
export function fieldsFrom(attributeOf: (field: ListedField) => string | undefined): OtlpFields {
  const named = FIELD_LIST.map(field => [field.name, attributeOf(field)] as const)
  return Object.fromEntries(
    named.flatMap(([name, attribute]) => (attribute === undefined ? [] : [[name, [attribute]]])),
  )
}

/**
 * A span of an agent at work: first the attributes that the library itself sets. The conventions know neither issue types nor confidence:
 * `agent.attempt.*` is for those. An agent that calls another makes two nested spans, and both count: each is an attempt of its own agent.
 * `model_name` and `gen_ai.aggregated_usage` are pydantic-ai's, and so is `gen_ai.agent.call.id`. `crewai.agent.llm` is OpenLLMetry's, and all
 * that names the model of a CrewAI agent that failed.
 */
export const INVOKE_AGENT: OtlpFields = {
  ...fieldsFrom(field => field.spanAttribute),
  ...GEN_AI_USAGE,
  agent_name: ['gen_ai.agent.name', 'gen_ai.agent.id'],
  model_name: ['gen_ai.request.model', 'gen_ai.response.model', 'model_name', 'crewai.agent.llm', UNKNOWN],
  issue_type: ['agent.attempt.issue_type', UNKNOWN],
  success: ['agent.attempt.success', { from: 'agent.attempt.result', in: ['success'] }, 'record:success'],
  time_seconds: ['record:duration_seconds'],
  timestamp: ['record:time'],
  attempt_id: ['agent.attempt.id', 'gen_ai.agent.call.id', 'record:id'],
  error_type: ['record:error_type'],
  session_id: ['agent.attempt.session_id', 'session.id', 'gen_ai.conversation.id'],
  trace_id: ['record:trace_id'],
}

/** The same, with an issue type that also the resource may state: for programs to whose spans a user cannot add attributes. */
export const RUN: OtlpFields = {
  ...INVOKE_AGENT,
  issue_type: ['agent.attempt.issue_type', 'resource:agent.attempt.issue_type', UNKNOWN],
}
