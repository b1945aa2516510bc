/** POST /api/v1/attempts: bytes -> attempts -> kept, then answered. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { NewAttempt } from '../core/attempt/attempt.ts'
import type { Instant } from '../core/attempt/timestamp.ts'
import type { Appended, ParsedBatch } from '../core/ports.ts'
import { noteRefusal, type Problem, sendJson, sendProblem } from '../server/problem.ts'
import { createAttemptLines } from './attempt-lines.ts'
import { type Body, createBodyReader, mediaOf } from './body.ts'
import { hasAsciiStrings, locateRawJson, parseJson, parseText, withoutMark } from './json.ts'
import { takeLines } from './line-stream.ts'
import { JSON_TYPE, RECORDING_TYPES } from './media-types.ts'
import { readAttempt } from './read-attempt.ts'
import { keep, parsePartial, type ReceiveOptions, type Rejected, storeProblem, type Taken } from './receiving.ts'
import { itemsOf, limitProblems, type Noun, partlyTaken, refuseAll } from './rejected-items.ts'

const NOUN: Noun = { one: 'attempt', many: 'attempts' }

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
        if (rejected.length > 0) noteRefusal(res, partlyTaken(rejected, more_rejected, NOUN))
        sendJson(res, 200, taken)
      }
    }
    const media = mediaOf(req, RECORDING_TYPES)
    if ('status' in media) answer(media)
    else if (media.type !== JSON_TYPE)
      takeLines(req, media.coding === 'gzip', { ...options, sink: createAttemptLines(options) })
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
  const items = itemsOf(parsed.value, NOUN)
  if ('status' in items) return items
  const { valid, instants, rejected: all } = validate(items, isAscii)
  const rejected = limitProblems(all)
  counts.rejected(rejected.length)
  if (rejected.length > 0 && !partial) return refuseAll(rejected, items.length, NOUN)
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
