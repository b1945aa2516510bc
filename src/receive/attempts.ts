/** POST /api/v1/attempts: bytes -> attempts -> kept, then answered. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { NewAttempt } from '../core/attempt/attempt.ts'
import type { Instant } from '../core/attempt/timestamp.ts'
import type { Appended, ParsedBatch } from '../core/ports.ts'
import { type InvalidItem, MAX_FAULTS, noteRefusal, type Problem, sendJson, sendProblem } from '../server/problem.ts'
import { type Body, createBodyReader, mediaOf } from './body.ts'
import { hasAsciiStrings, locateRawJson, parseJson, parseText, withoutMark } from './json.ts'
import { takeLines } from './line-stream.ts'
import { readAttempt } from './read-attempt.ts'
import {
  keep,
  NOT_JSON,
  parsePartial,
  type ReceiveOptions,
  type Rejected,
  storeProblem,
  type Taken,
} from './receiving.ts'

/** Items of one JSON array at the most. */
export const MAX_ITEMS = 10_000

const JSON_TYPE = 'application/json'
const TYPES = [JSON_TYPE, 'application/x-ndjson', 'application/ndjson']

/** Handles one request whose method and path were checked already; `fail` receives internal errors. */
export type Receive = (req: IncomingMessage, res: ServerResponse, fail: (error: unknown) => void) => void

/** The path of a JSON body uses callbacks: each promise costs as much as counting an attempt. */
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
    else if (media.type !== JSON_TYPE)
      takeLines(req, media.coding === 'gzip', options)
        .then(answer)
        .catch(fail)
    else {
      readBody(req, media.coding, body => {
        if ('status' in body) answer(body)
        else takeJson(req, body, options, answer, fail)
      })
    }
  }
}

/** Keeps the attempts of a JSON body. Answers once, and then releases the body. */
function takeJson(
  req: IncomingMessage,
  body: Body,
  options: ReceiveOptions,
  answer: (taken: Taken | Problem) => void,
  fail: (error: unknown) => void,
): void {
  const finish = (taken: Taken | Problem): void => {
    body.release()
    answer(taken)
  }
  try {
    const read = readItems(req, body.bytes, options)
    if ('status' in read) {
      finish(read)
      return
    }
    const { valid, batch, rejected } = read
    const answerTo = (kept: Appended): Taken => (rejected === undefined ? kept : { ...kept, rejected })
    const kept = valid.length === 0 ? Promise.resolve(NOTHING) : keep(valid, batch, options)
    kept
      .then(
        kept => finish(answerTo(kept)),
        error => finish(storeProblem(error)),
      )
      .catch(fail)
  } catch (error) {
    body.release()
    fail(error)
  }
}

/** In smaller bodies a look at each name costs less than a look at all bytes. */
const FEW_BYTES = 1024

const NOTHING: Appended = { accepted: 0, duplicates: 0 }

/** The attempts of a body, or a problem. Invalid attempts are a problem unless the request has `partial=true`. */
function readItems(req: IncomingMessage, bytes: Buffer, { counts }: ReceiveOptions): Items | Problem {
  const partial = parsePartial(req)
  if (typeof partial !== 'boolean') return partial
  const isAscii = bytes.length > FEW_BYTES && hasAsciiStrings(bytes)
  const parsed = isAscii ? parseText(bytes.toString('latin1')) : parseJson(withoutMark(bytes))
  if (!parsed.ok)
    return { status: 400, detail: `the body is not JSON: ${parsed.detail}`, logged: 'the body is not JSON' }
  const items = Array.isArray(parsed.value) ? parsed.value : [parsed.value]
  if (items.length > MAX_ITEMS) {
    return {
      status: 413,
      detail: `an array may hold ${MAX_ITEMS} attempts, not ${items.length}; send x-ndjson for more`,
    }
  }
  const { valid, instants, rejected: all } = validate(items, isAscii)
  const rejected = limitProblems(all)
  counts.rejected(rejected.length)
  if (rejected.length > 0 && !partial) return refuseAll(rejected, items.length)
  const rawJson = rejected.length === 0 ? locateRawJson(bytes, items.length) : undefined
  return { valid, batch: { instants, rawJson }, rejected: partial ? rejected : undefined }
}

interface Items {
  readonly valid: NewAttempt[]
  readonly batch: ParsedBatch
  /** With `partial=true` only. */
  readonly rejected: Taken['rejected']
}

interface Validated {
  readonly valid: NewAttempt[]
  /** The parsed timestamps of the valid attempts. */
  readonly instants: (Instant | undefined)[]
  readonly rejected: Rejected
}

function validate(items: readonly unknown[], isAscii: boolean): Validated {
  // Allocate the final length: a growing array takes several times the memory.
  const valid = new Array<NewAttempt>(items.length)
  const instants = new Array<Instant | undefined>(items.length)
  const rejected: Rejected[number][] = []
  let count = 0
  for (let index = 0; index < items.length; index++) {
    const read = readAttempt(items[index], isAscii)
    if (read.attempt === undefined) {
      rejected.push({ index, errors: read.problems })
      continue
    }
    valid[count] = read.attempt
    instants[count++] = read.at
  }
  valid.length = count
  instants.length = count
  return { valid, instants, rejected }
}

/** Names every invalid attempt, but fewer problems of each where there are many: an answer must not be far longer than its request. */
function limitProblems(rejected: Rejected): Rejected {
  const each = Math.max(1, Math.min(MAX_FAULTS, Math.floor(MAX_ITEMS / rejected.length)))
  return rejected.map(({ index, errors }) => ({ index, errors: errors.slice(0, each) }))
}

function refuseAll(rejected: Rejected, of: number): Problem {
  return {
    status: 400,
    detail: `${invalidAttempts(rejected.length)}, of ${of}: none was counted`,
    errors: invalidItems(rejected),
  }
}

/** The log entry of a partial success. */
function partlyTaken(rejected: Rejected, more: number): Problem {
  // Messages of JSON.parse quote the body, which must not be logged.
  const errors = invalidItems(rejected.slice(0, 1)).map(fault =>
    fault.detail.startsWith(NOT_JSON) ? { ...fault, detail: NOT_JSON } : fault,
  )
  return { status: 200, detail: `${invalidAttempts(rejected.length + more)}: the others were kept`, errors }
}

const invalidAttempts = (count: number): string =>
  `${count === 1 ? '1 attempt is' : `${count} attempts are`} not as documented`

const invalidItems = (rejected: Rejected): InvalidItem[] =>
  rejected.flatMap(({ index, errors }) => errors.map(error => ({ index, ...error })))
