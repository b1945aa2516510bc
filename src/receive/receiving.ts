/** What the receivers of attempts share: what they need, what they answer, and how they keep. */
import type { IncomingMessage } from 'node:http'
import type { AttemptProblem, NewAttempt } from '../core/attempt/attempt.ts'
import { type Appended, type ParsedBatch, StoreUnavailable } from '../core/ports.ts'
import { type Problem, parameterProblem } from '../server/problem.ts'
import type { BodyLimits } from './body.ts'
import type { OpenStreams } from './open-streams.ts'

/** Where attempts go: the tracker. `keep` takes over the lists, and rejects with StoreUnavailable when none of them was kept. */
export interface Keeper {
  keep(attempts: NewAttempt[], batch?: ParsedBatch): Promise<Appended>
}

/** What was taken in and what was not, and why: for the sidecar's own metrics. */
export interface IngestCounts {
  accepted(count: number): void
  duplicate(count: number): void
  /** Attempts that broke the rules. */
  rejected(count: number): void
  /** Attempts that were not kept though they were good, by the HTTP status that said so. */
  refused(status: number, count: number): void
}

/** The limits of a body hold for JSON; of a stream of lines the timeout alone, from each of its lines to the next. */
export interface ReceiveOptions extends BodyLimits {
  readonly keeper: Keeper
  readonly counts: IngestCounts
  /** Where a stop finds the streams that are being read. */
  readonly streams?: OpenStreams | undefined
}

/** How the fault of a line begins that cannot be parsed. */
export const NOT_JSON = 'is not JSON'

/** Attempts that are not as documented, by their place. */
export type Rejected = readonly { readonly index: number; readonly errors: readonly AttemptProblem[] }[]

/** The answer to attempts that were kept. */
export interface Taken extends Appended {
  readonly rejected?: Rejected | undefined
  /** How many more were rejected than are named. */
  readonly more_rejected?: number
}

/** The answer to attempts that could not be kept: transient by its nature, so never a 500. */
export function storeProblem(error: unknown): Problem {
  if (!(error instanceof StoreUnavailable)) throw error
  const status = error.reason === 'overloaded' ? 429 : 503
  return { status, detail: error.message, retryAfterSeconds: error.retryAfterSeconds }
}

/** Whether the good ones are to be kept though others are bad, or what is wrong with the question. */
export function partialOf(req: IncomingMessage): boolean | Problem {
  const question = req.url?.indexOf('?') ?? -1
  if (question < 0) return false
  const query = new URLSearchParams(req.url!.slice(question))
  for (const name of query.keys()) {
    if (name !== 'partial') return parameterProblem([{ name: name.slice(0, 100), detail: 'is not a parameter here' }])
  }
  const partial = query.getAll('partial')
  if (partial.length === 0 || (partial.length === 1 && partial[0] === 'false')) return false
  if (partial.length === 1 && partial[0] === 'true') return true
  return parameterProblem([{ name: 'partial', detail: 'must be true or false' }])
}

/** Keeps and counts. Rejects as the keeper does. */
export function keep(
  attempts: NewAttempt[],
  batch: ParsedBatch,
  { keeper, counts }: ReceiveOptions,
): Promise<Appended> {
  const count = attempts.length
  return keeper.keep(attempts, batch).then(
    kept => {
      counts.accepted(kept.accepted)
      counts.duplicate(kept.duplicates)
      return kept
    },
    error => {
      counts.refused(storeProblem(error).status, count)
      throw error
    },
  )
}
