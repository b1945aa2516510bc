/** What the receivers of attempts share: their options, their answers, and how they keep attempts. */
import type { IncomingMessage } from 'node:http'
import type { AttemptProblem, NewAttempt } from '../core/attempt/attempt.ts'
import { type Appended, type ParsedBatch, StoreUnavailable } from '../core/ports.ts'
import { type Problem, parameterProblem } from '../server/problem.ts'
import type { BodyLimits } from './body.ts'
import type { OpenStreams } from './open-streams.ts'

/** The tracker, as receivers see it. `keep` takes ownership of the lists, and rejects with StoreUnavailable where none was kept. */
export interface Keeper {
  keep(attempts: NewAttempt[], batch?: ParsedBatch): Promise<Appended>
}

/** Counters of received attempts, for the sidecar's own metrics. */
export interface IngestCounts {
  accepted(count: number): void
  duplicate(count: number): void
  /** Invalid attempts. */
  rejected(count: number): void
  /** Valid attempts that could not be kept, by the HTTP status of the answer. */
  refused(status: number, count: number): void
}

/** The body limits hold for JSON. For a stream of lines only the timeout holds, between two lines. */
export interface ReceiveOptions extends BodyLimits {
  readonly keeper: Keeper
  readonly counts: IngestCounts
  /** Registers the streams that a stop has to end. */
  readonly streams?: OpenStreams | undefined
}

/** The start of the problem of a line that cannot be parsed. */
export const NOT_JSON = 'is not JSON'

/** Invalid attempts, by their index. */
export type Rejected = readonly { readonly index: number; readonly errors: readonly AttemptProblem[] }[]

/** The answer where attempts were kept. */
export interface Taken extends Appended {
  readonly rejected?: Rejected | undefined
  /** How many rejected attempts are not named. */
  readonly more_rejected?: number
  /** Of outcomes: the ids whose attempt is not stored, and how many more are not named. */
  readonly unknown?: readonly string[]
  readonly more_unknown?: number
}

/** The answer where the store cannot keep attempts now. It is transient, and so never a 500. */
export function storeProblem(error: unknown): Problem {
  if (!(error instanceof StoreUnavailable)) throw error
  const status = error.reason === 'overloaded' ? 429 : 503
  return { status, detail: error.message, retryAfterSeconds: error.retryAfterSeconds }
}

/** The query parameter `partial`: whether valid attempts are kept although others are invalid. */
export function parsePartial(req: IncomingMessage): boolean | Problem {
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

/** Keeps attempts and counts them. Rejects as the keeper does. */
export function keep(
  attempts: NewAttempt[],
  batch: ParsedBatch,
  { keeper, counts }: Pick<ReceiveOptions, 'keeper' | 'counts'>,
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
