/** The attempt: one run of one agent at one issue. Its fields have their JSON names everywhere. */
import type { OptionalFields, RequiredFields } from './fields.ts'

/** An attempt as a caller states it. {@link ATTEMPT_FIELDS} says what each field means, and which values it takes. */
export interface NewAttempt extends RequiredFields, OptionalFields {}

/** An attempt as the store keeps it: with its timestamp, and a computed cost where none was reported. */
export interface AgentAttempt extends NewAttempt {
  readonly timestamp: string
  /** Cost in US dollars, computed from tokens and prices on receipt; absent where the cost was reported or the model has no price. */
  readonly computed_cost_usd?: number | undefined
}

/** The identity under which attempts are counted. Never use the printed `agent:model:issue` as one: `llama3:8b` holds a colon. */
export interface AttemptKey {
  readonly agent_name: string
  readonly model_name: string
  readonly issue_type: string
}

/** What is wrong with one field: `pointer` is an RFC 6901 JSON pointer inside the attempt, `""` for the whole of it. */
export interface AttemptProblem {
  readonly pointer: string
  readonly detail: string
}

/** The key as one string, equal for equal keys only: no name may hold the separator. */
export function keyId(key: AttemptKey): string {
  return `${key.agent_name}\u0000${key.model_name}\u0000${key.issue_type}`
}

/** The key as people and the documented file spell it. Two different keys may print alike. */
export function printKey(key: AttemptKey): string {
  return `${key.agent_name}:${key.model_name}:${key.issue_type}`
}
