/**
 * Questions in flight: how many there may be, which of them are worked out together, and what is held for those that are not read yet. All
 * of it is bounded, because recording must go on whatever is asked.
 */
import type { ServerResponse } from 'node:http'
import { runYielding } from '../lib/event-loop.ts'
import type { ConnectionTurns } from '../server/connection-turns.ts'
import { type Problem, sendProblem } from '../server/problem.ts'
import { type Printed, printSteps, STREAM_BYTES, sendPieces, sendPrinted } from './answer.ts'
import { createAnswerBytes, TooManyAnswerBytes } from './answer-bytes.ts'

/** Answers that are worked out at the same time. Each is held as objects until it is printed; more would only take more memory. */
const MAX_RUNNING = 4

export interface QuestionOptions {
  /** Questions that wait, are worked out, or whose answer is being read. */
  readonly maxQuestions: number
  /** Bytes of answers that are not read yet, over all questions. */
  readonly maxAnswerBytes: number
  readonly turns: ConnectionTurns
}

/** Makes an answer: the pieces of its JSON, or why there is none. Rejects with the signal's reason when the last asker has gone. */
export type MakeAnswer = (signal: AbortSignal) => Promise<Iterator<string> | Problem>

/** Why a question was refused. */
export type Refusal = 'questions' | 'answer_bytes' | 'connection'

export interface Questions {
  /**
   * Sends what `make` makes. Equal questions have equal keys: those that arrive before the work on the first of them begins share one answer,
   * so that it holds all that was recorded before each of them was asked. Undefined: the question is like no other. Resolves when the answer
   * is out or the client has gone; rejects where the answer cannot be made.
   */
  answer(res: ServerResponse, key: string | undefined, make: MakeAnswer): Promise<void>
  /** Sends what `make` makes at the pace of the client, without holding it: for an answer that may be of any length. Ends as `answer` does. */
  stream(res: ServerResponse, make: MakeAnswer): Promise<void>
  readonly inFlight: number
  readonly answerBytes: number
  readonly refused: ReadonlyMap<Refusal, number>
}

/** One answer, and all who wait for it or read it. */
interface Computation {
  readonly key: string | undefined
  readonly make: MakeAnswer
  readonly askers: Set<Asker>
  readonly controller: AbortController
  printed: Printed | undefined
}

interface Asker {
  readonly res: ServerResponse
  /** Aborts when the client has gone. */
  readonly controller: AbortController
  readonly resolve: () => void
  readonly reject: (reason: unknown) => void
}

export function createQuestions({ maxQuestions, maxAnswerBytes, turns }: QuestionOptions): Questions {
  const answerBytes = createAnswerBytes(maxAnswerBytes)
  const refused = new Map<Refusal, number>([
    ['questions', 0],
    ['answer_bytes', 0],
    ['connection', 0],
  ])
  const waiting = new Set<Computation>()
  const joinable = new Map<string, Computation>()
  let inFlight = 0
  let running = 0

  function refuse(res: ServerResponse, reason: Refusal): void {
    refused.set(reason, refused.get(reason)! + 1)
    sendProblem(res, { status: 429, detail: DETAILS[reason], retryAfterSeconds: 1 })
  }

  /** Counts a question as in flight until its answer is out; false where it was refused or its client has gone. */
  async function admit(res: ServerResponse): Promise<boolean> {
    if (turns.isFull(res)) {
      refuse(res, 'connection')
      return false
    }
    const turn = turns.turnOf(res)
    if (turn !== undefined && !(await turn)) return false
    if (inFlight >= maxQuestions) {
      refuse(res, 'questions')
      return false
    }
    inFlight++
    res.once('close', () => inFlight--)
    return true
  }

  function startNext(): void {
    for (const computation of waiting) {
      if (running >= MAX_RUNNING) return
      forget(computation)
      running++
      void run(computation).finally(() => {
        running--
        startNext()
      })
    }
  }

  /** From here on no other question may join it. */
  function forget(computation: Computation): void {
    waiting.delete(computation)
    if (computation.key !== undefined) joinable.delete(computation.key)
  }

  /** Never rejects. */
  async function run(computation: Computation): Promise<void> {
    const { make, askers, controller } = computation
    try {
      const made = await make(controller.signal)
      if (!('next' in made)) {
        for (const { res } of askers) sendProblem(res, made)
        return
      }
      const printed = await runYielding(printSteps(made, answerBytes), controller.signal)
      computation.printed = printed
      if (askers.size === 0) giveBack(computation)
      for (const asker of askers) send(asker, printed)
    } catch (error) {
      for (const { res, reject } of askers) {
        if (error instanceof TooManyAnswerBytes) refuse(res, 'answer_bytes')
        else reject(error)
      }
    }
  }

  function send({ res, controller, reject }: Asker, printed: Printed): void {
    sendPrinted(res, printed, controller.signal).catch(error => {
      if (!controller.signal.aborted) reject(error)
    })
  }

  /** The answer of one asker is out, or the client has gone. */
  function leave(computation: Computation, asker: Asker): void {
    asker.controller.abort()
    asker.resolve()
    computation.askers.delete(asker)
    if (computation.askers.size > 0) return
    forget(computation)
    computation.controller.abort()
    giveBack(computation)
  }

  function giveBack(computation: Computation): void {
    answerBytes.give(computation.printed?.bytes ?? 0)
    computation.printed = undefined
  }

  return {
    async answer(res, key, make) {
      if (!(await admit(res))) return
      const known = key === undefined ? undefined : joinable.get(key)
      const computation = known ?? create(key, make)
      if (known === undefined) {
        waiting.add(computation)
        if (key !== undefined) joinable.set(key, computation)
      }
      await new Promise<void>((resolve, reject) => {
        const asker = { res, controller: new AbortController(), resolve, reject }
        computation.askers.add(asker)
        res.once('close', () => leave(computation, asker))
        startNext()
      })
    },
    async stream(res, make) {
      if (!(await admit(res))) return
      const controller = new AbortController()
      res.once('close', () => controller.abort())
      if (!answerBytes.take(STREAM_BYTES, 0)) return refuse(res, 'answer_bytes')
      try {
        const made = await make(controller.signal)
        if ('next' in made) await sendPieces(res, made, controller.signal)
        else sendProblem(res, made)
      } catch (error) {
        if (!controller.signal.aborted) throw error
      } finally {
        answerBytes.give(STREAM_BYTES)
      }
    },
    get inFlight() {
      return inFlight
    },
    get answerBytes() {
      return answerBytes.held
    },
    refused,
  }
}

function create(key: string | undefined, make: MakeAnswer): Computation {
  return { key, make, askers: new Set(), controller: new AbortController(), printed: undefined }
}

const DETAILS: Readonly<Record<Refusal, string>> = {
  questions: 'too many questions are in flight: ask again later, or start the sidecar with more --max-questions',
  answer_bytes:
    'too many bytes of answers wait to be read: ask again later, or start the sidecar with more --max-answer-bytes',
  connection: 'too many questions wait on this connection: read the answers before asking more',
}
