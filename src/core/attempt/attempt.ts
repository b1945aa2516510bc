/** An attempt: one run of one agent at one issue. Fields have their JSON names throughout the code. */
import type { OptionalFields, RequiredFields } from './fields.ts'

/** An attempt as a client sends it. {@link ATTEMPT_FIELDS} defines the meaning and the valid values of each field. */
export interface NewAttempt extends RequiredFields, OptionalFields {}

/** An attempt as the store keeps it: with a timestamp, and with a computed cost if none was reported. */
export interface AgentAttempt extends NewAttempt {
  readonly timestamp: string
  /** Cost in US dollars, computed from tokens and prices on receipt. Absent if a cost was reported or the model has no price. */
  readonly computed_cost_usd?: number | undefined
}

/** An attempt whose success is known: reported, or stated by an outcome. Only such attempts are counted. */
export interface DecidedAttempt extends AgentAttempt {
  readonly success: boolean
}

/** Whether an attempt states its success. If not, it is pending. */
export function isDecided(attempt: AgentAttempt): attempt is DecidedAttempt {
  return attempt.success !== undefined
}

/** Attempts are counted by this key. Never use the printed `agent:model:issue` as identity: names such as `llama3:8b` contain a colon. */
export interface AttemptKey {
  readonly agent_name: string
  readonly model_name: string
  readonly issue_type: string
}

/** A problem of one field. `pointer` is an RFC 6901 JSON pointer into the attempt, `""` for the whole attempt. */
export interface AttemptProblem {
  readonly pointer: string
  readonly detail: string
}

/** The key as one string. Different keys give different strings, because no name may contain the separator. */
export function keyId(key: AttemptKey): string {
  return `${key.agent_name}\u0000${key.model_name}\u0000${key.issue_type}`
}

/** The key as printed and as in the documented file. Different keys may give the same text. */
export function printKey(key: AttemptKey): string {
  return `${key.agent_name}:${key.model_name}:${key.issue_type}`
}
