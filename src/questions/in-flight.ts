/** Limits of questions in flight, so that questions cannot stop recording. */
import type { ServerResponse } from 'node:http'
import type { ConnectionTurns } from '../server/connection-turns.ts'
import { sendProblem } from '../server/problem.ts'
import { STREAM_BYTES, sendPieces } from './answer.ts'
import { createAnswerBytes } from './answer-bytes.ts'
import { createSharedAnswers, type MakeAnswer } from './shared-answers.ts'

export interface QuestionLimits {
  /** Questions that wait, are computed, or whose answer is being read. */
  readonly maxQuestions: number
  /** Bytes of answers that clients have not read yet, over all questions. */
  readonly maxAnswerBytes: number
  readonly turns: ConnectionTurns
}

/** The limit that refused a question. */
export type Refusal = 'questions' | 'answer_bytes' | 'connection'

export interface QuestionsInFlight {
  /**
   * Sends the answer that `make` computes. Equal questions have equal keys: those that arrive before the computation starts share it.
   * An undefined key shares with no other. Resolves when the answer is sent or the client has gone; rejects if the computation fails.
   */
  answer(res: ServerResponse, key: string | undefined, make: MakeAnswer): Promise<void>
  /** Sends the answer at the client's pace without holding it: for an answer of any length. Resolves and rejects as `answer` does. */
  stream(res: ServerResponse, make: MakeAnswer): Promise<void>
  readonly inFlight: number
  readonly answerBytes: number
  readonly refused: ReadonlyMap<Refusal, number>
}

export function createQuestionsInFlight({ maxQuestions, maxAnswerBytes, turns }: QuestionLimits): QuestionsInFlight {
  const answerBytes = createAnswerBytes(maxAnswerBytes)
  const refused = new Map<Refusal, number>([
    ['questions', 0],
    ['answer_bytes', 0],
    ['connection', 0],
  ])
  const shared = createSharedAnswers(answerBytes, res => refuse(res, 'answer_bytes'))
  let inFlight = 0

  function refuse(res: ServerResponse, reason: Refusal): void {
    refused.set(reason, refused.get(reason)! + 1)
    sendProblem(res, { status: 429, detail: DETAILS[reason], retryAfterSeconds: 1 })
  }

  /** Counts a question as in flight until its answer is sent. Resolves with false if it was refused or its client has gone. */
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

  return {
    async answer(res, key, make) {
      if (await admit(res)) await shared.send(res, key, make)
    },
    async stream(res, make) {
      if (!(await admit(res))) return
      if (!answerBytes.take(STREAM_BYTES, 0)) return refuse(res, 'answer_bytes')
      await stream(res, make).finally(() => answerBytes.give(STREAM_BYTES))
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

async function stream(res: ServerResponse, make: MakeAnswer): Promise<void> {
  const controller = new AbortController()
  res.once('close', () => controller.abort())
  try {
    const made = await make(controller.signal)
    if ('next' in made) await sendPieces(res, made, controller.signal)
    else sendProblem(res, made)
  } catch (error) {
    if (!controller.signal.aborted) throw error
  }
}

const DETAILS: Readonly<Record<Refusal, string>> = {
  questions: 'too many questions are in flight: ask again later, or start the sidecar with more --max-questions',
  answer_bytes:
    'too many bytes of answers wait to be read: ask again later, or start the sidecar with more --max-answer-bytes',
  connection: 'too many questions wait on this connection: read the answers before asking more',
}
