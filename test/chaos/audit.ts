/** Compares what a sidecar counts and lists with the answers its clients received. */
import { readdir, readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { readText } from '../expose/text-format.ts'
import { attemptOf, type NumberedAttempt, numberOf } from './attempts.ts'
import { isSignOfDamage } from './kill-points.ts'
import type { Ledger } from './ledger.ts'

/** The errors of a sidecar, as numbers of attempts, and other faults as text. */
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

/** The sums of the successes or of the failures of one key. */
interface Sums {
  attempts: number
  seconds: number
  confidence: number
}

/** By key and result. */
type AllSums = Map<string, Sums>

function sumsOf(all: AllSums, names: readonly (string | undefined)[]): Sums {
  const key = JSON.stringify(names)
  const sums = all.get(key) ?? { attempts: 0, seconds: 0, confidence: 0 }
  all.set(key, sums)
  return sums
}

/** The sums that the sidecar must have: every acknowledged attempt once. */
function expectedSums(ledger: Ledger): AllSums {
  const all: AllSums = new Map()
  for (const number of ledger.acknowledged()) {
    const { agent_name, model_name, issue_type, success, time_seconds, confidence } = attemptOf(number)
    const sums = sumsOf(all, [agent_name, model_name, issue_type, success ? 'success' : 'failure'])
    sums.attempts++
    sums.seconds += time_seconds
    sums.confidence += confidence
  }
  return all
}

/** The sums of a scrape. They must be exact, because their terms are binary fractions. */
function scrapedSums(text: string): AllSums {
  const all: AllSums = new Map()
  const fields = new Map<string, keyof Sums>([
    ['agent_attempts_total', 'attempts'],
    ['agent_attempt_duration_seconds_sum', 'seconds'],
    ['agent_attempt_confidence_sum', 'confidence'],
  ])
  for (const { samples } of readText(text).values()) {
    for (const { name, labels, value } of samples) {
      const field = fields.get(name)
      if (field === undefined || value === 0) continue
      sumsOf(
        all,
        ['agent_name', 'model_name', 'issue_type', 'result'].map(label => labels.get(label)),
      )[field] = value
    }
  }
  return all
}

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
    const surplus = (have?.attempts ?? 0) - (want?.attempts ?? 0)
    if (surplus < 0) lost -= surplus
    else double += surplus
    const [haveText, wantText] = [JSON.stringify(have), JSON.stringify(want)]
    if (haveText !== wantText) faults.push(`${key}: ${haveText} instead of ${wantText}`)
  }
  return { lost, double, faults }
}

/** The faults in the totals of the document that a stopped sidecar wrote. */
export async function auditDocument(store: string, ledger: Ledger): Promise<readonly string[]> {
  const { metrics } = JSON.parse(await readFile(store, 'utf8')) as { metrics: Record<string, DocumentedTotals> }
  const expected = expectedSums(ledger)
  const attemptsOf = (one: DocumentedTotals, result: string): number =>
    expected.get(JSON.stringify([one.agent_name, one.model_name, one.issue_type, result]))?.attempts ?? 0
  const wrong = Object.entries(metrics).filter(
    ([, one]) => one.successful_fixes !== attemptsOf(one, 'success') || one.failed_fixes !== attemptsOf(one, 'failure'),
  )
  const total = Object.values(metrics).reduce((sum, one) => sum + one.total_attempts, 0)
  const faults = wrong.map(([key]) => `${key} is wrong in the document`)
  return total === ledger.counts.kept ? faults : [...faults, `the document counts ${total} of ${ledger.counts.kept}`]
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
  let [double, wrong] = [0, 0]
  for await (const attempt of listedAttempts(url)) {
    const number = numberOf(attempt.attempt_id)
    if (!ledger.isKept(number) || !isSame(attempt, attemptOf(number))) wrong++
    else if (listed.has(number)) double++
    else listed.add(number)
  }
  return { lost: ledger.counts.kept - listed.size, double, wrong }
}

/** All attempts that the sidecar lists, page by page. */
export async function* listedAttempts(url: string): AsyncGenerator<NumberedAttempt> {
  let cursor: string | null = null
  do {
    const next: string = cursor === null ? '' : `&cursor=${encodeURIComponent(cursor)}`
    const page = (await (await fetch(`${url}/api/v1/attempts?limit=1000${next}`)).json()) as {
      attempts: NumberedAttempt[]
      next_cursor: string | null
    }
    yield* page.attempts
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
