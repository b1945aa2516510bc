/** The answers of a sidecar beside those of one that received the final facts only: each attempt once, with the result that counts. */
import { join } from 'node:path'
import { applyAlertChange, createAlertsState } from '../../src/core/alerts/lifecycle.ts'
import type { LogRecord } from '../../src/core/fold.ts'
import { openStoreToRead } from '../../src/store/open.ts'
import { temporaryFolder } from '../support/sidecar-process.ts'
import { attemptOf, numberOf } from './attempts.ts'
import type { Ledger } from './ledger.ts'
import { answersOf, differences } from './shared-answers.ts'
import { spawnSidecar, urlOf } from './spawned.ts'

/** Attempts in one request. */
const BATCH = 5000
/** Of attempts themselves, of their outcomes, and of what fires. */
const OTHER = /^\/(metrics|api\/v1\/(attempts|honesty|alerts))\b/

/** The answers of a store that differ from those of the final facts. `store` may be in use. */
export async function differsFromFacts(
  answers: ReadonlyMap<string, string>,
  store: string,
  ledger: Ledger,
): Promise<readonly string[]> {
  await using folder = await temporaryFolder()
  await using sidecar = spawnSidecar(join(folder.path, 'facts.json'))
  const url = await urlOf(sidecar)
  const facts = await factsOf(store, ledger)
  for (let from = 0; from < facts.length; from += BATCH) {
    const body = facts.slice(from, from + BATCH).map(fact => `${JSON.stringify(fact)}\n`)
    const headers = { 'Content-Type': 'application/x-ndjson' }
    const answer = await fetch(`${url}/api/v1/attempts`, { method: 'POST', headers, body: body.join('') })
    if (answer.status !== 200) throw new Error(`${answer.status}: ${await answer.text()}`)
  }
  const expected = comparable(await answersOf(url))
  return differences(comparable(answers), expected).map(text => `final facts: ${text}`)
}

/** What says how many results are verified. */
const OUTCOMES = /,?"outcomes":\{[^}]*\}/g
/** The order in which variants got their first attempt, which may be pending. */
const VARIANTS = /(?<="variants":\[)[^\]]*/g
/** Drift: attempts behind the last verified one do not count yet. */
const DRIFT = /"verdict":.*$/s

function comparable(answers: ReadonlyMap<string, string>): Map<string, string> {
  const same = (path: string, text: string): string => {
    const sorted = text.replace(OUTCOMES, '').replace(VARIANTS, names => names.split(',').sort().join(','))
    return path.startsWith('/api/v1/trends') ? sorted.replace(DRIFT, '') : sorted
  }
  return new Map([...answers].flatMap(([path, text]) => (OTHER.test(path) ? [] : [[path, same(path, text)]])))
}

/** The attempts with a result, in the order in which the log gave them their first one: recent attempts and lists of keys have this order. */
async function factsOf(store: string, ledger: Ledger): Promise<readonly object[]> {
  const facts = new Map<number, object>()
  for await (const record of recordsOf(store)) {
    if (record.kind !== 'attempt' && record.kind !== 'outcome') continue
    const number = numberOf(record.attempt.attempt_id)
    const isCounted = record.kind === 'outcome' || record.attempt.success !== undefined
    if (isCounted && !facts.has(number)) facts.set(number, { ...attemptOf(number), success: ledger.resultOf(number) })
  }
  return [...facts.values()]
}

async function* recordsOf(store: string): AsyncGenerator<LogRecord> {
  const opened = await openStoreToRead(store)
  try {
    for await (const { records } of opened.stored()) yield* records
  } finally {
    await opened.close()
  }
}

const TARGET = 'AgentMissesTarget'
/** A target that is missed from the first attempts on. No error in the log, because an error there is a fault. */
export const ALERTS_CONFIG: string = `alerts:
  interval: 1s
  rules:
    ${TARGET}: {severity: warning}
  targets:
    - {agent_name: agent-0, min_success_rate: 99}
`

/** How often the log says that the target began to be missed. Once, because it is missed until the end. */
export async function targetAlerts(store: string): Promise<number> {
  const state = createAlertsState()
  let begun = 0
  for await (const record of recordsOf(store)) {
    if (record.kind !== 'alert' || !applyAlertChange(state, record.change, record.nowMs)) continue
    if (record.change.change === 'fire' && record.change.alert.rule === TARGET) begun++
  }
  return begun
}
