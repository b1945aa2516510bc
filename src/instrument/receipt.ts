/** The answer of a tracker or a sidecar to a batch of attempts. */
import type { AttemptProblem, NewAttempt } from '../core/attempt/attempt.ts'
import type { Outcome } from '../core/fold.ts'

/** A rejected attempt: its index in the batch, and the reason. */
export interface RejectedAttempt {
  readonly index: number
  readonly errors: readonly AttemptProblem[]
}

/** Every attempt of a batch is in exactly one of these counts. */
export interface Receipt {
  readonly accepted: number
  readonly duplicates: number
  readonly rejected: readonly RejectedAttempt[]
}

/** A store of attempts, such as a tracker in the same process. */
export interface AttemptKeeper {
  /** Records the valid attempts. If `error` is set, it is unknown whether any was recorded, and the same attempts are sent again. */
  recordAttempts(attempts: readonly NewAttempt[]): Promise<Receipt & { readonly error?: unknown }>
  /** The same for outcomes of attempts. Without it, outcomes are not delivered. */
  recordOutcomes?(outcomes: readonly Outcome[]): Promise<OutcomeReceipt & { readonly error?: unknown }>
}

/** The answer to a batch of outcomes. Every outcome is in exactly one of the counts. */
export interface OutcomeReceipt extends Receipt {
  /** The ids of outcomes whose attempt is not stored: it never was, or it has expired. */
  readonly unknown: readonly string[]
}

/** The receipt for a batch of `size` outcomes. Undefined if `answer` does not account for every outcome. */
export function readOutcomeReceipt(answer: unknown, size: number): OutcomeReceipt | undefined {
  const { unknown } = (answer ?? {}) as { readonly unknown?: unknown }
  if (!Array.isArray(unknown)) return undefined
  const receipt = readReceipt(answer, size - unknown.length)
  return receipt && { ...receipt, unknown }
}

/** The receipt for a batch of `size` attempts. Undefined if `answer` does not account for every attempt. */
export function readReceipt(answer: unknown, size: number): Receipt | undefined {
  if (typeof answer !== 'object' || answer === null) return undefined
  const { accepted, duplicates, rejected = [] } = answer as { [Field in keyof Receipt]?: unknown }
  if (!isCount(accepted) || !isCount(duplicates) || !Array.isArray(rejected)) return undefined
  return accepted + duplicates + rejected.length === size ? { accepted, duplicates, rejected } : undefined
}

function isCount(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) >= 0
}
