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
    const answer = await fetch(`${url}/api/v1/attempts`, {
      method: 'POST',
      ...requestOf(numbers, random),
    } as RequestInit)
    const text = await answer.text()
    const isRefused = answer.status !== 200 && isRefusal(answer, text)
    if (isRefused) ledger.refused(numbers)
    else ledger.kept(numbers, JSON.parse(text) as { accepted: number; duplicates: number })
    return isRefused ? 'refused' : 'kept'
  } catch (error) {
    if (error instanceof UnexpectedAnswer) throw error
    ledger.unanswered(numbers)
    return 'unknown'
  }
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
  await Promise.all(Array.from({ length: clients }, one))
}

/** Sends what got no answer again, until all of it did. */
export async function settle(url: string, ledger: Ledger, random: Random): Promise<void> {
  for (let again = ledger.takeUnanswered(1000); again.length > 0; again = ledger.takeUnanswered(1000)) {
    const fate = await sendNumbers(url, again, ledger, random)
    if (fate === 'unknown') throw new Error('no answer from a sidecar that nobody stopped')
    if (fate === 'refused') await pause(REFUSED_PAUSE_MS)
  }
}
