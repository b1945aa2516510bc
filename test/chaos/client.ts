/** Clients that record attempts and outcomes until their sidecar is gone, and enter its answers in a ledger. */
import { setTimeout as pause } from 'node:timers/promises'
import type { Random } from '../../src/core/statistics/random.ts'
import { requestOf } from './attempts.ts'
import type { Ledger } from './ledger.ts'
import type { OutcomeAnswer } from './outcome-ledger.ts'
import { type NumberedOutcome, outcomeRequestOf, outcomesOf } from './outcomes.ts'

/** The result of a request. `unknown`: no answer came. */
export type SendResult = 'kept' | 'refused' | 'unknown'

/** Sends the attempts of these numbers and enters the answer in the ledger. */
export async function sendNumbers(
  url: string,
  numbers: readonly number[],
  ledger: Ledger,
  random: Random,
): Promise<SendResult> {
  try {
    const { path, ...request } = requestOf(numbers, random)
    const answer = await fetch(url + path, { method: 'POST', ...request } as RequestInit)
    const text = await answer.text()
    const isRefused = answer.status !== 200 && isRefusal(answer, text)
    if (isRefused) ledger.refused(numbers)
    else ledger.kept(numbers, countsIn(path, text))
    return isRefused ? 'refused' : 'kept'
  } catch (error) {
    if (error instanceof UnexpectedAnswer) throw error
    ledger.unanswered(numbers)
    return 'unknown'
  }
}

/** What a client sends next. */
export interface Sending {
  readonly ledger: Ledger
  readonly random: Random
  readonly sizes: Sizes
}

/** The shares of requests that are outcomes, and that are attempts together with their outcomes. */
const SHARES = { outcomes: 0.4, early: 0.2 }

/**
 * Sends attempts, or outcomes of acknowledged attempts, or both at once: outcomes that may come before their attempts, at another sidecar. `pick`
 * returns the sidecar of a request.
 */
export async function sendSome(pick: () => string, { ledger, random, sizes }: Sending): Promise<SendResult> {
  const dice = random()
  if (dice < SHARES.outcomes && ledger.outcomes.counts.due > 0)
    return await sendDueOutcomes(pick(), 2 * sizes(random), ledger, random)
  const numbers = ledger.take(sizes(random))
  const early = dice > 1 - SHARES.early ? numbers.flatMap(outcomesOf) : []
  const [result] = await Promise.all([
    sendNumbers(pick(), numbers, ledger, random),
    early.length > 0 ? sendOutcomes(pick(), early, ledger, random) : undefined,
  ])
  return result
}

/** Sends outcomes that are due, with some that are acknowledged already, or twice. */
async function sendDueOutcomes(url: string, count: number, ledger: Ledger, random: Random): Promise<SendResult> {
  const { outcomes } = ledger
  const due = outcomes.take(Math.min(count, MAX_LIST / 2), random)
  const again = random() < 0.3 ? [outcomes.repeat(random), due[0]].filter(one => one !== undefined) : []
  return await sendOutcomes(url, [...due, ...again], ledger, random, due)
}

/** The largest list that a sidecar takes. */
const MAX_LIST = 10_000

/** Sends outcomes and enters the answer. Those of `due` that are not recorded are due again. */
async function sendOutcomes(
  url: string,
  sent: readonly NumberedOutcome[],
  { outcomes }: Ledger,
  random: Random,
  due: readonly NumberedOutcome[] = [],
): Promise<SendResult> {
  let result: SendResult = 'unknown'
  const noted = outcomes.sending(sent, due.length > 0)
  try {
    const { path, ...request } = outcomeRequestOf(sent, random)
    const answer = await fetch(url + path, { method: 'POST', ...request } as RequestInit)
    const text = await answer.text()
    const isRefused = answer.status !== 200 && isRefusal(answer, text)
    const counts = isRefused ? undefined : (countsIn(path, text) as OutcomeAnswer | undefined)
    result = isRefused ? 'refused' : 'kept'
    if (counts === undefined) outcomes.unanswered(noted)
    else outcomes.answered(noted, counts)
  } catch (error) {
    if (error instanceof UnexpectedAnswer) throw error
    outcomes.unanswered(noted)
  }
  outcomes.putBack(due.filter(one => !outcomes.isKept(one)))
  return result
}

/** The counts in an answer. Undefined for OTLP, whose answers count only rejected records. */
function countsIn(path: string, text: string): { accepted: number; duplicates: number } | undefined {
  const answer = JSON.parse(text) as { accepted: number; duplicates: number; partialSuccess?: unknown }
  if (!path.startsWith('/v1/')) return answer
  if (answer.partialSuccess !== undefined) throw new UnexpectedAnswer(text)
  return undefined
}

/** Whether the answer refuses the whole request. Throws for a stream that was kept in part, which counts as unanswered. */
function isRefusal({ status, headers }: Response, text: string): boolean {
  if (status !== 429 && status !== 503) throw new UnexpectedAnswer(`${status}: ${text}`)
  if (!/^[1-9]\d*$/.test(headers.get('retry-after') ?? '')) throw new UnexpectedAnswer(`${status} without Retry-After`)
  if (/"kept_lines":[1-9]/.test(text)) throw new Error('kept in part')
  return true
}

/** An answer that the HTTP contract does not allow. */
class UnexpectedAnswer extends Error {
  override readonly name = 'UnexpectedAnswer'
}

/** Pause after a refusal. Shorter than Retry-After, so that clients are active when the sidecar is killed. */
const REFUSED_PAUSE_MS = 50

/** Draws the number of attempts of a request. */
export type Sizes = (random: Random) => number

/** Mostly a few attempts, sometimes thousands. */
export const mixedSizes: Sizes = random => {
  const dice = random()
  if (dice < 0.5) return 1
  return dice < 0.95 ? 2 + Math.floor(random() * 50) : 1000 + Math.floor(random() * 2000)
}

/** Streams that fill segments of the journal. */
export const largeSizes: Sizes = () => 5000

/** Runs `clients` clients. Resolves when the sidecar has stopped answering all of them. */
export async function load(
  url: string,
  { clients, ...sending }: Sending & { readonly clients: number },
): Promise<void> {
  const one = async (): Promise<void> => {
    for (;;) {
      const result = await sendSome(() => url, sending)
      if (result === 'unknown') return
      if (result === 'refused') await pause(REFUSED_PAUSE_MS)
    }
  }
  const senders = Promise.all(Array.from({ length: clients }, one))
  await Promise.all([senders, ...QUESTIONS.map(path => askUntilGone(url + path, senders))])
}

const QUESTIONS = ['/metrics', '/api/v1/report', '/api/v1/trends?since=24h', '/api/v1/attempts?limit=200']

/** Asks until the senders have finished, which is when the sidecar is gone. A question may be refused, but must not fail. */
async function askUntilGone(url: string, senders: Promise<unknown>): Promise<void> {
  let isOver = false
  void senders.finally(() => {
    isOver = true
  })
  while (!isOver) {
    const answer = await fetch(url).catch(() => undefined)
    const text = await answer?.text().catch(() => undefined)
    if (answer !== undefined && ![200, 429, 503].includes(answer.status))
      throw new UnexpectedAnswer(`${answer.status}: ${text}`)
    await pause(20)
  }
}

/** How long an acknowledged attempt may be unknown: it is in the spool of another sidecar. */
const UNKNOWN_MS = 60_000

/** Sends unanswered attempts again until all are answered, and then all outcomes until all are recorded. */
export async function resendUnanswered(url: string, ledger: Ledger, random: Random): Promise<void> {
  for (let again = ledger.takeUnanswered(1000); again.length > 0; again = ledger.takeUnanswered(1000))
    await pauseUnlessKept(await sendNumbers(url, again, ledger, random))
  const endMs = performance.now() + UNKNOWN_MS
  while (ledger.outcomes.counts.due > 0) {
    const before = ledger.outcomes.counts.due
    await pauseUnlessKept(await sendDueOutcomes(url, 1000, ledger, random))
    if (ledger.outcomes.counts.due < before) continue
    if (performance.now() > endMs) throw new Error(`${before} outcomes of acknowledged attempts were not recorded`)
    await pause(REFUSED_PAUSE_MS)
  }
}

async function pauseUnlessKept(result: SendResult): Promise<void> {
  if (result === 'unknown') throw new Error('a running sidecar did not answer')
  if (result === 'refused') await pause(REFUSED_PAUSE_MS)
}
