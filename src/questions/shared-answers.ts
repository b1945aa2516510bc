/** Answers that are computed once for all clients that asked an equal question before the computation started. */
import type { ServerResponse } from 'node:http'
import { runYielding } from '../lib/event-loop.ts'
import { type Problem, sendProblem } from '../server/problem.ts'
import { type Printed, printSteps, sendPrinted } from './answer.ts'
import { type AnswerBytes, TooManyAnswerBytes } from './answer-bytes.ts'

/** Answers computed at the same time. Each is in memory as objects until it is printed. More would need more memory and be no faster. */
const MAX_RUNNING = 4

/** Computes an answer: the pieces of its JSON, or why there is none. Rejects with the signal's reason when the last client has gone. */
export type MakeAnswer = (signal: AbortSignal) => Promise<Iterator<string> | Problem>

export interface SharedAnswers {
  /**
   * Computes an answer and sends it. A question joins the computation of an equal key only before that starts, so that its answer includes
   * everything recorded before it was asked. Resolves when the answer is sent or the client has gone.
   */
  send(res: ServerResponse, key: string | undefined, make: MakeAnswer): Promise<void>
}

/** One computation, and the clients that wait for its answer or read it. */
interface Computation {
  readonly key: string | undefined
  readonly make: MakeAnswer
  readonly clients: Set<Client>
  readonly controller: AbortController
  printed: Printed | undefined
}

interface Client {
  readonly res: ServerResponse
  /** Aborts when the client has gone. */
  readonly controller: AbortController
  readonly resolve: () => void
  readonly reject: (reason: unknown) => void
}

/** `refuse` answers a client for whose answer `answerBytes` has no room. */
export function createSharedAnswers(answerBytes: AnswerBytes, refuse: (res: ServerResponse) => void): SharedAnswers {
  const waiting = new Set<Computation>()
  const joinable = new Map<string, Computation>()
  let running = 0

  function startNext(): void {
    for (const computation of waiting) {
      if (running >= MAX_RUNNING) return
      close(computation)
      running++
      void run(computation).finally(() => {
        running--
        startNext()
      })
    }
  }

  /** No other question may join it from now on. */
  function close(computation: Computation): void {
    waiting.delete(computation)
    if (computation.key !== undefined) joinable.delete(computation.key)
  }

  /** Never rejects. */
  async function run(computation: Computation): Promise<void> {
    const { make, clients, controller } = computation
    try {
      const made = await make(controller.signal)
      if (!('next' in made)) {
        for (const { res } of clients) sendProblem(res, made)
        return
      }
      const printed = await runYielding(printSteps(made, answerBytes), controller.signal)
      computation.printed = printed
      if (clients.size === 0) release(computation)
      for (const client of clients) sendTo(client, printed)
    } catch (error) {
      for (const { res, reject } of clients) {
        if (error instanceof TooManyAnswerBytes) refuse(res)
        else reject(error)
      }
    }
  }

  /** The answer of one client is sent, or the client has gone. */
  function leave(computation: Computation, client: Client): void {
    client.controller.abort()
    client.resolve()
    computation.clients.delete(client)
    if (computation.clients.size > 0) return
    close(computation)
    computation.controller.abort()
    release(computation)
  }

  function release(computation: Computation): void {
    answerBytes.give(computation.printed?.bytes ?? 0)
    computation.printed = undefined
  }

  function computationOf(key: string | undefined, make: MakeAnswer): Computation {
    const known = key === undefined ? undefined : joinable.get(key)
    if (known !== undefined) return known
    const created = { key, make, clients: new Set<Client>(), controller: new AbortController(), printed: undefined }
    waiting.add(created)
    if (key !== undefined) joinable.set(key, created)
    return created
  }

  return {
    send(res, key, make) {
      const computation = computationOf(key, make)
      return new Promise((resolve, reject) => {
        const client = { res, controller: new AbortController(), resolve, reject }
        computation.clients.add(client)
        res.once('close', () => leave(computation, client))
        startNext()
      })
    },
  }
}

function sendTo({ res, controller, reject }: Client, printed: Printed): void {
  sendPrinted(res, printed, controller.signal).catch(error => {
    if (!controller.signal.aborted) reject(error)
  })
}
