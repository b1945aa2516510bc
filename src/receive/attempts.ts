/** POST /api/v1/attempts: bytes -> attempts -> kept, then answered. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { NewAttempt } from '../core/attempt/attempt.ts'
import type { Instant } from '../core/attempt/timestamp.ts'
import type { Appended, ParsedBatch } from '../core/ports.ts'
import { type FaultyItem, MAX_FAULTS, noteRefusal, type Problem, sendJson, sendProblem } from '../server/problem.ts'
import { readAttempt } from './attempt-schema.ts'
import { type Body, createBodyReader, mediaOf } from './body.ts'
import { hasPlainStrings, locateRawJson, parseJson, parsePlainJson, withoutMark } from './json.ts'
import { takeLines } from './line-stream.ts'
import { keep, NOT_JSON, partialOf, type ReceiveOptions, type Rejected, storeProblem, type Taken } from './receiving.ts'

/** Items of one JSON array at the most. */
export const MAX_ITEMS = 10_000

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
        const { rejected = [], more_rejected = 0 } = taken
        if (rejected.length > 0) noteRefusal(res, partlyTaken(rejected, more_rejected))
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
    const { good, batch, rejected } = read
    const told = (kept: Appended): Taken => (rejected === undefined ? kept : { ...kept, rejected })
    const kept = good.length === 0 ? Promise.resolve(NOTHING) : keep(good, batch, options)
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
  const rawJson = rejected.length === 0 ? locateRawJson(bytes, items.length) : undefined
  return { good, batch: { instants, rawJson }, rejected: partial ? rejected : undefined }
}

interface Items {
  readonly good: NewAttempt[]
  readonly batch: ParsedBatch
  /** Where the good ones are kept in spite of others. */
  readonly rejected: Taken['rejected']
}

interface Sifted {
  readonly good: NewAttempt[]
  /** What the timestamps of the good ones state. */
  readonly instants: (Instant | undefined)[]
  readonly rejected: Rejected
}

function sift(items: readonly unknown[], isPlain: boolean): Sifted {
  // Of the length they mostly end with: what grows takes several times the memory, for a single attempt as for thousands.
  const good = new Array<NewAttempt>(items.length)
  const instants = new Array<Instant | undefined>(items.length)
  const rejected: Rejected[number][] = []
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
function told(rejected: Rejected): Rejected {
  const each = Math.max(1, Math.min(MAX_FAULTS, Math.floor(MAX_ITEMS / rejected.length)))
  return rejected.map(({ index, errors }) => ({ index, errors: errors.slice(0, each) }))
}

function faults(rejected: Rejected, of: number): Problem {
  return {
    status: 400,
    detail: `${badAttempts(rejected.length)}, of ${of}: none was counted`,
    errors: faultyItems(rejected),
  }
}

/** What is logged of an answer that says which attempts were not kept. */
function partlyTaken(rejected: Rejected, more: number): Problem {
  // What V8 says of JSON quotes some of it.
  const errors = faultyItems(rejected.slice(0, 1)).map(fault =>
    fault.detail.startsWith(NOT_JSON) ? { ...fault, detail: NOT_JSON } : fault,
  )
  return { status: 200, detail: `${badAttempts(rejected.length + more)}: the others were kept`, errors }
}

const badAttempts = (count: number): string =>
  `${count === 1 ? '1 attempt is' : `${count} attempts are`} not as documented`

const faultyItems = (rejected: Rejected): FaultyItem[] =>
  rejected.flatMap(({ index, errors }) => errors.map(error => ({ index, ...error })))
