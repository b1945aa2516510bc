/** POST /api/v1/attempts: bytes -> attempts -> kept, then answered. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AttemptProblem, NewAttempt } from '../core/attempt.ts'
import type { Appended, OpenForms } from '../core/ports.ts'
import { StoreUnavailable } from '../core/ports.ts'
import type { Instant } from '../core/timestamp.ts'
import {
  type FaultyItem,
  MAX_FAULTS,
  noteRefusal,
  type Problem,
  parameterProblem,
  sendJson,
  sendProblem,
} from '../problem.ts'
import { readAttempt } from './attempt-schema.ts'
import { type Body, type BodyLimits, createBodyReader, mediaOf } from './body.ts'
import { hasPlainStrings, parseJson, parsePlainJson, textsOf, withoutMark } from './json.ts'
import { emptyGroup, isFull, readerOf, takeSome } from './line-group.ts'
import { BodyError, linesOf } from './lines.ts'

/** Where attempts go: the tracker. `keep` takes over the lists, and rejects with StoreUnavailable when none of them was kept. */
export interface Keeper {
  keep(attempts: NewAttempt[], forms?: OpenForms): Promise<Appended>
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

/** The limits of a body hold for JSON; of a stream of lines the timeout alone, from each of its pieces to the next. */
export interface ReceiveOptions extends BodyLimits {
  readonly keeper: Keeper
  readonly counts: IngestCounts
}

/** Items of one JSON array at the most. */
export const MAX_ITEMS = 10_000
/** Bytes of one NDJSON line at the most. */
const MAX_LINE_BYTES = 1 << 20

const JSON_TYPE = 'application/json'
const TYPES = [JSON_TYPE, 'application/x-ndjson', 'application/ndjson']

/** Handles one request whose method and path were checked already; `fail` is told of a defect of ours. */
export type Receive = (req: IncomingMessage, res: ServerResponse, fail: (error: unknown) => void) => void

/** On the way that most attempts take there are as few promises as can be: each would cost as much as counting the attempt. */
export function createAttemptsHandler(options: ReceiveOptions): Receive {
  const readBody = createBodyReader(options)
  return (req, res, fail) => {
    const answer = (taken: Taken | Problem): void => {
      if ('status' in taken) sendProblem(res, taken)
      else {
        if (taken.rejected !== undefined && taken.rejected.length > 0) noteRefusal(res, partlyTaken(taken.rejected))
        sendJson(res, 200, taken)
      }
    }
    const media = mediaOf(req, TYPES)
    if ('status' in media) answer(media)
    else if (media.type !== JSON_TYPE) takeLines(req, media.gzip, options).then(answer).catch(fail)
    else {
      readBody(req, media.gzip, body => {
        if ('status' in body) answer(body)
        else takeJson(req, body, options, answer, fail)
      })
    }
  }
}

/** The answer to attempts that could not be kept: transient by its nature, so never a 500. */
export function storeProblem(error: unknown): Problem {
  if (!(error instanceof StoreUnavailable)) throw error
  const status = error.reason === 'overloaded' ? 429 : 503
  return { status, detail: error.message, retryAfterSeconds: error.retryAfterSeconds }
}

interface Taken extends Appended {
  readonly rejected?: readonly { readonly index: number; readonly errors: readonly AttemptProblem[] }[] | undefined
}

/** Answers once, and lets go of the body then. */
function takeJson(
  req: IncomingMessage,
  body: Body,
  options: ReceiveOptions,
  answer: (taken: Taken | Problem) => void,
  fail: (error: unknown) => void,
): void {
  const settle = (taken: Taken | Problem): void => {
    body.letGo()
    answer(taken)
  }
  try {
    const read = readItems(req, body.bytes, options)
    if ('status' in read) {
      settle(read)
      return
    }
    const { good, forms, rejected } = read
    const told = (kept: Appended): Taken => (rejected === undefined ? kept : { ...kept, rejected })
    const kept = good.length === 0 ? Promise.resolve(NOTHING) : keep(good, forms, options)
    kept
      .then(
        kept => settle(told(kept)),
        error => settle(storeProblem(error)),
      )
      .catch(fail)
  } catch (error) {
    body.letGo()
    fail(error)
  }
}

/** In so few it costs less to look at the names of each attempt than at all bytes. */
const FEW_BYTES = 1024

const NOTHING: Appended = { accepted: 0, duplicates: 0 }

/** What a body holds: a problem where it does not hold attempts alone, and the good ones are not asked for in spite of that. */
function readItems(req: IncomingMessage, bytes: Buffer, { counts }: ReceiveOptions): Items | Problem {
  const partial = partialOf(req)
  if (typeof partial !== 'boolean') return partial
  const isPlain = bytes.length > FEW_BYTES && hasPlainStrings(bytes)
  const parsed = isPlain ? parsePlainJson(bytes) : parseJson(withoutMark(bytes))
  if (!parsed.ok)
    return { status: 400, detail: `the body is not JSON: ${parsed.detail}`, logged: 'the body is not JSON' }
  const items = Array.isArray(parsed.value) ? parsed.value : [parsed.value]
  if (items.length > MAX_ITEMS) {
    return {
      status: 413,
      detail: `an array may hold ${MAX_ITEMS} attempts, not ${items.length}; send x-ndjson for more`,
    }
  }
  const { good, instants, rejected: found } = sift(items, isPlain)
  const rejected = told(found)
  counts.rejected(rejected.length)
  if (rejected.length > 0 && !partial) return faults(rejected, items.length)
  const texts = rejected.length === 0 ? textsOf(bytes, items.length) : undefined
  return { good, forms: { instants, texts }, rejected: partial ? rejected : undefined }
}

interface Items {
  readonly good: NewAttempt[]
  readonly forms: OpenForms
  /** Where the good ones are kept in spite of others. */
  readonly rejected: Taken['rejected']
}

function partialOf(req: IncomingMessage): boolean | Problem {
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

function keep(attempts: NewAttempt[], forms: OpenForms, { keeper, counts }: ReceiveOptions): Promise<Appended> {
  const count = attempts.length
  return keeper.keep(attempts, forms).then(
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

interface Sifted {
  readonly good: NewAttempt[]
  /** What the timestamps of the good ones state. */
  readonly instants: (Instant | undefined)[]
  readonly rejected: { readonly index: number; readonly errors: readonly AttemptProblem[] }[]
}

function sift(items: readonly unknown[], isPlain: boolean): Sifted {
  // Of the length they mostly end with: what grows takes several times the memory, for a single attempt as for thousands.
  const good = new Array<NewAttempt>(items.length)
  const instants = new Array<Instant | undefined>(items.length)
  const rejected: Sifted['rejected'] = []
  let count = 0
  for (let index = 0; index < items.length; index++) {
    const read = readAttempt(items[index], isPlain)
    if (read.attempt === undefined) {
      rejected.push({ index, errors: read.problems })
      continue
    }
    good[count] = read.attempt
    instants[count++] = read.at
  }
  good.length = count
  instants.length = count
  return { good, instants, rejected }
}

/** Every bad attempt is named, with fewer of its faults where there are many: no answer may be far longer than what it answers. */
function told(rejected: Sifted['rejected']): Sifted['rejected'] {
  const each = Math.max(1, Math.min(MAX_FAULTS, Math.floor(MAX_ITEMS / rejected.length)))
  return rejected.map(({ index, errors }) => ({ index, errors: errors.slice(0, each) }))
}

function faults(rejected: Sifted['rejected'], of: number): Problem {
  return {
    status: 400,
    detail: `${badAttempts(rejected)}, of ${of}: none was counted`,
    errors: faultyItems(rejected),
  }
}

type Rejected = NonNullable<Taken['rejected']>

/** What is logged of an answer that says which attempts were not kept. */
function partlyTaken(rejected: Rejected): Problem {
  return {
    status: 200,
    detail: `${badAttempts(rejected)}: the others were kept`,
    errors: faultyItems(rejected.slice(0, 1)),
  }
}

const badAttempts = ({ length }: Rejected): string =>
  `${length === 1 ? '1 attempt is' : `${length} attempts are`} not as documented`

const faultyItems = (rejected: Rejected): FaultyItem[] =>
  rejected.flatMap(({ index, errors }) => errors.map(error => ({ index, ...error })))

/**
 * A stream of lines, kept in groups as they come. A bad line ends it: what stands before it is kept, and the answer says how many lines
 * that are.
 */
async function takeLines(req: IncomingMessage, gzip: boolean, options: ReceiveOptions): Promise<Taken | Problem> {
  const partial = partialOf(req)
  if (typeof partial !== 'boolean') return partial
  const taken = { accepted: 0, duplicates: 0 }
  let keptLines = 0
  let group = emptyGroup()
  const flush = async (): Promise<void> => {
    if (group.attempts.length === 0) return
    const kept = await keep(group.attempts, group, options)
    taken.accepted += kept.accepted
    taken.duplicates += kept.duplicates
    keptLines = group.lastLine
    group = emptyGroup()
  }
  const stop = async (problem: Problem): Promise<Problem> => {
    await flush()
    const before = `; the ${keptLines} lines before are kept`
    const logged = (problem.logged ?? problem.detail) + before
    return { ...problem, detail: problem.detail + before, logged, more: { ...taken, kept_lines: keptLines } }
  }
  try {
    const limits = { maxLineBytes: MAX_LINE_BYTES, idleTimeoutMs: options.requestTimeoutMs }
    for await (const lines of linesOf(req, gzip, limits, options.inFlight)) {
      const read = readerOf(lines)
      for (let next = 0; next < lines.starts.length; ) {
        const taken = takeSome(group, lines, next, read)
        if (typeof taken !== 'number') {
          options.counts.rejected(1)
          return await stop(taken)
        }
        next = taken
        if (isFull(group)) await flush()
      }
    }
    await flush()
    return taken
  } catch (error) {
    if (error instanceof BodyError) return await stop(error.problem)
    const problem = storeProblem(error)
    return { ...problem, more: { ...taken, kept_lines: keptLines } }
  }
}
