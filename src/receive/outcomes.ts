/** POST /api/v1/outcomes: bytes -> outcomes -> kept, then answered. */
import type { IncomingMessage } from 'node:http'
import type { Outcome } from '../core/fold.ts'
import { noteRefusal, type Problem, sendJson, sendProblem } from '../server/problem.ts'
import type { Receive } from './attempts.ts'
import { type Body, createBodyReader, mediaOf } from './body.ts'
import { parseJson, withoutMark } from './json.ts'
import { takeLines } from './line-stream.ts'
import { JSON_TYPE, RECORDING_TYPES } from './media-types.ts'
import { keepOutcomes, type OutcomeOptions, readOutcome } from './outcome-keeper.ts'
import { createOutcomeLines } from './outcome-lines.ts'
import { parsePartial, type Rejected, storeProblem, type Taken } from './receiving.ts'
import { itemsOf, limitProblems, type Noun, partlyTaken, refuseAll } from './rejected-items.ts'

const NOUN: Noun = { one: 'outcome', many: 'outcomes' }

export function createOutcomesHandler(options: OutcomeOptions): Receive {
  const readBody = createBodyReader(options)
  return (req, res, fail) => {
    const answer = (taken: Taken | Problem): void => {
      if ('status' in taken) {
        sendProblem(res, taken)
        return
      }
      const { rejected = [], more_rejected = 0 } = taken
      if (rejected.length > 0) noteRefusal(res, partlyTaken(rejected, more_rejected, NOUN))
      sendJson(res, 200, taken)
    }
    const media = mediaOf(req, RECORDING_TYPES)
    if ('status' in media) answer(media)
    else if (media.type === JSON_TYPE)
      readBody(req, media.coding, body => {
        if ('status' in body) answer(body)
        else takeJson(req, body, options).then(answer).catch(fail)
      })
    else
      takeLines(req, media.coding === 'gzip', { ...options, sink: createOutcomeLines(options) })
        .then(answer)
        .catch(fail)
  }
}

/** Keeps the outcomes of a JSON body, and releases the body. Rejects only on a defect. */
async function takeJson(req: IncomingMessage, body: Body, options: OutcomeOptions): Promise<Taken | Problem> {
  try {
    const read = readItems(req, body.bytes, options)
    if ('status' in read) return read
    const appended = await keepOutcomes(read.valid, options)
    return read.rejected === undefined ? appended : { ...appended, rejected: read.rejected }
  } catch (error) {
    return storeProblem(error)
  } finally {
    body.release()
  }
}

interface Items {
  readonly valid: readonly Outcome[]
  /** With `partial=true` only. */
  readonly rejected: Taken['rejected']
}

function readItems(req: IncomingMessage, bytes: Buffer, { counts }: OutcomeOptions): Items | Problem {
  const partial = parsePartial(req)
  if (typeof partial !== 'boolean') return partial
  const parsed = parseJson(withoutMark(bytes))
  if (!parsed.ok)
    return { status: 400, detail: `the body is not JSON: ${parsed.detail}`, logged: 'the body is not JSON' }
  const items = itemsOf(parsed.value, NOUN)
  if ('status' in items) return items
  const valid: Outcome[] = []
  const all: Rejected[number][] = []
  for (const [index, item] of items.entries()) {
    const read = readOutcome(item)
    if (read.outcome === undefined) all.push({ index, errors: read.problems })
    else valid.push(read.outcome)
  }
  const rejected = limitProblems(all)
  counts.outcomes('rejected', rejected.length)
  if (rejected.length > 0 && !partial) return refuseAll(rejected, items.length, NOUN)
  return { valid, rejected: partial ? rejected : undefined }
}
