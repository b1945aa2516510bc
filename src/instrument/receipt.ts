/** What a tracker or a sidecar answers to a batch of attempts. */
import type { AttemptProblem, NewAttempt } from '../core/attempt/attempt.ts'

/** An attempt that was not kept, by its index in the batch, and why. */
export interface RejectedAttempt {
  readonly index: number
  readonly errors: readonly AttemptProblem[]
}

/** Every attempt of a batch is in exactly one of these. */
export interface Receipt {
  readonly accepted: number
  readonly duplicates: number
  readonly rejected: readonly RejectedAttempt[]
}

/** Anything that keeps attempts, such as a tracker in the same process. */
export interface AttemptKeeper {
  /** Keeps what it can. With `error` set nothing is known to be kept, and the same attempts are given again. */
  recordAttempts(attempts: readonly NewAttempt[]): Promise<Receipt & { readonly error?: unknown }>
}

/** The receipt for a batch of `size` attempts, or undefined where `answer` makes no sense as one: it must account for each. */
export function readReceipt(answer: unknown, size: number): Receipt | undefined {
  if (typeof answer !== 'object' || answer === null) return undefined
  const { accepted, duplicates, rejected = [] } = answer as { [Field in keyof Receipt]?: unknown }
  if (!isCount(accepted) || !isCount(duplicates) || !Array.isArray(rejected)) return undefined
  return accepted + duplicates + rejected.length === size ? { accepted, duplicates, rejected } : undefined
}

function isCount(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) >= 0
}
