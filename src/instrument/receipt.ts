/** The answer of a tracker or a sidecar to a batch of attempts. */
import type { AttemptProblem, NewAttempt } from '../core/attempt/attempt.ts'

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
