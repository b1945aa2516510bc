/** A client that records attempts until its sidecar is gone, and books what it was told. */
import { setTimeout as pause } from 'node:timers/promises'
import type { Random } from '../../src/core/statistics/random.ts'
import { requestOf } from './attempts.ts'
import type { Ledger } from './ledger.ts'

/** What became of a request, as its client knows it. */
export type Fate = 'kept' | 'refused' | 'unknown'

/** Sends numbers and books the answer. */
export async function sendNumbers(
  url: string,
  numbers: readonly number[],
  ledger: Ledger,
  random: Random,
): Promise<Fate> {
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

/** What an answer says was kept. OTLP has no count of it: everything, or the answer names what was rejected. */
function countsIn(path: string, text: string): { accepted: number; duplicates: number } | undefined {
  const answer = JSON.parse(text) as { accepted: number; duplicates: number; partialSuccess?: unknown }
  if (!path.startsWith('/v1/')) return answer
  if (answer.partialSuccess !== undefined) throw new UnexpectedAnswer(text)
  return undefined
}

/** Nothing of the request was kept. A stream that was kept in part counts as unanswered. */
function isRefusal({ status, headers }: Response, text: string): boolean {
  if (status !== 429 && status !== 503) throw new UnexpectedAnswer(`${status}: ${text}`)
  if (!/^[1-9]\d*$/.test(headers.get('retry-after') ?? '')) throw new UnexpectedAnswer(`${status} without Retry-After`)
  if (/"kept_lines":[1-9]/.test(text)) throw new Error('kept in part')
  return true
}

/** An answer that the contract does not know. */
class UnexpectedAnswer extends Error {
  override readonly name = 'UnexpectedAnswer'
}

/** After a refusal: less than it asks for, so that a kill finds clients at work. */
const REFUSED_PAUSE_MS = 50

/** How much of what a client sends at once. */
export type Sizes = (random: Random) => number

/** Mostly a few attempts, now and then many. */
export const mixedSizes: Sizes = random => {
  const dice = random()
  if (dice < 0.5) return 1
  return dice < 0.95 ? 2 + Math.floor(random() * 50) : 1000 + Math.floor(random() * 2000)
}

/** Streams that fill segments. */
export const largeSizes: Sizes = () => 5000

/** Runs `clients` of them, and resolves when every one of them has seen the sidecar go. */
export async function load(
  url: string,
  { ledger, random, sizes, clients }: { ledger: Ledger; random: Random; sizes: Sizes; clients: number },
): Promise<void> {
  const one = async (): Promise<void> => {
    for (;;) {
      const fate = await sendNumbers(url, ledger.take(sizes(random)), ledger, random)
      if (fate === 'unknown') return
      if (fate === 'refused') await pause(REFUSED_PAUSE_MS)
    }
  }
  const senders = Promise.all(Array.from({ length: clients }, one))
  await Promise.all([senders, ...QUESTIONS.map(path => askUntilGone(url + path, senders))])
}

const QUESTIONS = ['/metrics', '/api/v1/report', '/api/v1/trends?since=24h', '/api/v1/attempts?limit=200']

/** Asks until the senders are done, that is until the sidecar is gone. A question may be refused, and must not fail otherwise. */
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

/** Sends what got no answer again, until all of it did. */
export async function settle(url: string, ledger: Ledger, random: Random): Promise<void> {
  for (let again = ledger.takeUnanswered(1000); again.length > 0; again = ledger.takeUnanswered(1000)) {
    const fate = await sendNumbers(url, again, ledger, random)
    if (fate === 'unknown') throw new Error('no answer from a sidecar that nobody stopped')
    if (fate === 'refused') await pause(REFUSED_PAUSE_MS)
  }
}
