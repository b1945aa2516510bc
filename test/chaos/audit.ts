/** Compares what a sidecar counts and lists with the answers its clients received. */
import { readdir, readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { readText } from '../expose/text-format.ts'
import { attemptOf, type NumberedAttempt, numberOf } from './attempts.ts'
import { isSignOfDamage } from './kill-points.ts'
import type { Ledger } from './ledger.ts'
import { type NumberedOutcome, outcomesOf } from './outcomes.ts'

/** The errors of a sidecar, as numbers of attempts and outcomes, and other faults as text. */
export interface Verdict {
  /** Acknowledged, but not counted or not listed. */
  readonly lost: number
  /** Counted or listed more than once. */
  readonly double: number
  /** Listed although it was refused or never sent, or listed with different content. */
  readonly wrong: number
  /** All other faults. */
  readonly faults: readonly string[]
}

/** The sums of one key. */
interface Sums {
  /** By the results that count. */
  success: number
  failure: number
  seconds: number
  confidence: number
}

/** By key. */
type AllSums = Map<string, Sums>

function sumsOf(all: AllSums, names: readonly (string | undefined)[]): Sums {
  const key = JSON.stringify(names)
  const sums = all.get(key) ?? { success: 0, failure: 0, seconds: 0, confidence: 0 }
  all.set(key, sums)
  return sums
}

const resultName = (success: boolean): 'success' | 'failure' => (success ? 'success' : 'failure')

/** The sums that the sidecar must have: every acknowledged attempt once, with the result that counts, unless it is pending. */
function expectedSums(ledger: Ledger): AllSums {
  const all: AllSums = new Map()
  for (const number of ledger.acknowledged()) {
    const success = ledger.resultOf(number)
    if (success === undefined) continue
    const { agent_name, model_name, issue_type, time_seconds, confidence } = attemptOf(number)
    const sums = sumsOf(all, [agent_name, model_name, issue_type])
    sums[resultName(success)]++
    sums.seconds += time_seconds
    sums.confidence += confidence
  }
  return all
}

/**
 * The sums of a scrape. They must be exact, because their terms are binary fractions. The counters of results never go down, so that corrections are
 * counters of their own.
 */
function scrapedSums(text: string): AllSums {
  const all: AllSums = new Map()
  for (const { samples } of readText(text).values()) {
    for (const { name, labels, value } of samples) {
      if (!NAMES.has(name) || value === 0) continue
      const sums = sumsOf(
        all,
        ['agent_name', 'model_name', 'issue_type'].map(label => labels.get(label)),
      )
      const isSuccess = labels.get('result') === 'success'
      if (name === 'agent_attempt_duration_seconds_sum') sums.seconds += value
      else if (name === 'agent_attempt_confidence_sum') sums.confidence += value
      else sums[resultName(isSuccess)] += value
      if (name === 'agent_attempt_corrections_total') sums[resultName(!isSuccess)] -= value
    }
  }
  return all
}

const NAMES: ReadonlySet<string> = new Set([
  'agent_attempts_total',
  'agent_attempt_corrections_total',
  'agent_attempt_duration_seconds_sum',
  'agent_attempt_confidence_sum',
])

/** Audits totals, the listing and the files. No attempt may be recorded meanwhile, and none may be unanswered. */
export async function audit(url: string, store: string, ledger: Ledger): Promise<Verdict> {
  const verdict = await auditAttempts(url, ledger)
  const damage = (await filesOf(store)).filter(isSignOfDamage).map(name => `there is ${name}`)
  return { ...verdict, faults: [...verdict.faults, ...damage] }
}

/** Audits totals and the listing. */
export async function auditAttempts(url: string, ledger: Ledger): Promise<Verdict> {
  const scrape = await (await fetch(`${url}/metrics`)).text()
  const totals = compareSums(expectedSums(ledger), scrapedSums(scrape))
  const listing = await auditListing(url, ledger)
  return {
    lost: Math.max(totals.lost, listing.lost),
    double: Math.max(totals.double, listing.double),
    wrong: listing.wrong,
    faults: [...totals.faults, ...ledger.contradictions],
  }
}

function compareSums(expected: AllSums, counted: AllSums): Omit<Verdict, 'wrong'> {
  const faults: string[] = []
  let [lost, double] = [0, 0]
  for (const key of new Set([...expected.keys(), ...counted.keys()])) {
    const [want, have] = [expected.get(key), counted.get(key)]
    for (const result of ['success', 'failure'] as const) {
      const surplus = (have?.[result] ?? 0) - (want?.[result] ?? 0)
      if (surplus < 0) lost -= surplus
      else double += surplus
    }
    const [haveText, wantText] = [JSON.stringify(have), JSON.stringify(want)]
    if (haveText !== wantText) faults.push(`${key}: ${haveText} instead of ${wantText}`)
  }
  return { lost, double, faults }
}

/** The faults in the totals of the document that a stopped sidecar wrote. */
export async function auditDocument(store: string, ledger: Ledger): Promise<readonly string[]> {
  const { metrics } = JSON.parse(await readFile(store, 'utf8')) as { metrics: Record<string, DocumentedTotals> }
  const expected = expectedSums(ledger)
  const attemptsOf = (one: DocumentedTotals, result: 'success' | 'failure'): number =>
    expected.get(JSON.stringify([one.agent_name, one.model_name, one.issue_type]))?.[result] ?? 0
  const wrong = Object.entries(metrics).filter(
    ([, one]) => one.successful_fixes !== attemptsOf(one, 'success') || one.failed_fixes !== attemptsOf(one, 'failure'),
  )
  const total = Object.values(metrics).reduce((sum, one) => sum + one.total_attempts, 0)
  const faults = wrong.map(([key]) => `${key} is wrong in the document`)
  const { certain } = ledger.decided()
  return total === certain ? faults : [...faults, `the document counts ${total} of ${certain}`]
}

interface DocumentedTotals {
  readonly agent_name: string
  readonly model_name: string
  readonly issue_type: string
  readonly total_attempts: number
  readonly successful_fixes: number
  readonly failed_fixes: number
}

async function auditListing(url: string, ledger: Ledger): Promise<Omit<Verdict, 'faults'>> {
  const listed = new Set<number>()
  const told = new Map<string, number>()
  let [double, wrong] = [0, 0]
  for await (const { attempts, outcomes = [] } of listedPages(url)) {
    for (const attempt of attempts) {
      const number = numberOf(attempt.attempt_id)
      if (!ledger.isKept(number) || !isSame(attempt, attemptOf(number))) wrong++
      else if (listed.has(number)) double++
      else listed.add(number)
    }
    for (const outcome of outcomes) {
      const id = listedId(outcome)
      told.set(id, (told.get(id) ?? 0) + 1)
    }
  }
  let lost = ledger.counts.kept - listed.size
  for (const number of listed) {
    for (const outcome of outcomesOf(number)) {
      const id = listedId(outcome)
      const count = told.get(id) ?? 0
      told.delete(id)
      if (!ledger.outcomes.isKept(outcome)) wrong += count
      else if (count === 0) lost++
      else double += count - 1
    }
  }
  // Those that no client sent, or of an attempt that was never acknowledged.
  for (const count of told.values()) wrong += count
  return { lost, double, wrong }
}

/** Identifies a listed outcome. One that was sent without a time is listed with that of its receipt. */
function listedId({ attempt_id, source, success, timestamp }: Omit<NumberedOutcome, 'number' | 'place'>): string {
  const isTimed = outcomesOf(numberOf(attempt_id))[0]?.timestamp !== undefined
  return JSON.stringify([attempt_id, source, success, isTimed ? timestamp : undefined])
}

interface ListedPage {
  readonly attempts: readonly NumberedAttempt[]
  readonly outcomes?: readonly Omit<NumberedOutcome, 'number' | 'place'>[]
  readonly next_cursor: string | null
}

/** All attempts that the sidecar lists. */
export async function* listedAttempts(url: string): AsyncGenerator<NumberedAttempt> {
  for await (const { attempts } of listedPages(url)) yield* attempts
}

async function* listedPages(url: string): AsyncGenerator<ListedPage> {
  let cursor: string | null = null
  do {
    const next: string = cursor === null ? '' : `&cursor=${encodeURIComponent(cursor)}`
    const answer = await fetch(`${url}/api/v1/attempts?limit=1000&with_outcomes=true${next}`)
    const page = (await answer.json()) as ListedPage
    yield page
    cursor = page.next_cursor
  } while (cursor !== null)
}

function isSame(listed: NumberedAttempt, sent: NumberedAttempt): boolean {
  const names = new Set([...Object.keys(listed), ...Object.keys(sent)] as (keyof NumberedAttempt)[])
  return [...names].every(name => listed[name] === sent[name])
}

async function filesOf(store: string): Promise<string[]> {
  const directory = store.replace(/\.json$/, '.journal')
  return [...(await readdir(dirname(store))), ...(await readdir(directory))].map(name => join(directory, name))
}
