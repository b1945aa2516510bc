/** Clients that record attempts until their sidecar is gone, and enter its answers in a ledger. */
import { setTimeout as pause } from 'node:timers/promises'
import type { Random } from '../../src/core/statistics/random.ts'
import { requestOf } from './attempts.ts'
import type { Ledger } from './ledger.ts'

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
  { ledger, random, sizes, clients }: { ledger: Ledger; random: Random; sizes: Sizes; clients: number },
): Promise<void> {
  const one = async (): Promise<void> => {
    for (;;) {
      const result = await sendNumbers(url, ledger.take(sizes(random)), ledger, random)
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

/** Sends unanswered attempts again until all are answered. */
export async function resendUnanswered(url: string, ledger: Ledger, random: Random): Promise<void> {
  for (let again = ledger.takeUnanswered(1000); again.length > 0; again = ledger.takeUnanswered(1000)) {
    const result = await sendNumbers(url, again, ledger, random)
    if (result === 'unknown') throw new Error('a running sidecar did not answer')
    if (result === 'refused') await pause(REFUSED_PAUSE_MS)
  }
}
