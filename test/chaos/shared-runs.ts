/** Several sidecars share a store under load, while they and the server of the store are killed. At the end all of them are audited. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import type { Random } from '../../src/core/statistics/random.ts'
import { temporaryFolder } from '../support/sidecar-process.ts'
import { isPending } from './attempts.ts'
import { auditAttempts, type Verdict } from './audit.ts'
import { resendUnanswered, type Sizes, sendNumbers, sendSome } from './client.ts'
import { ALERTS_CONFIG, differsFromFacts, targetAlerts } from './final-facts.ts'
import { type Fleet, startFleet } from './fleet.ts'
import { totalOf } from './kill-runs.ts'
import { createLedger, type Ledger } from './ledger.ts'
import { outcomesOf } from './outcomes.ts'
import { answersOf, differences } from './shared-answers.ts'
import { SHARED_STORES, type SharedStoreName } from './shared-servers.ts'
import { spawnSidecar, urlOf } from './spawned.ts'

export interface SharedRun {
  readonly store: SharedStoreName
  readonly seconds: number
  readonly sidecarKills: number
  /** Ignored where the store has no server. */
  readonly serverKills: number
  readonly random: Random
  /** Requests of each client per second, at most. */
  readonly clientRate?: number
}

export interface SharedOutcome extends Verdict {
  readonly sidecarKills: number
  readonly serverKills: number
  readonly counts: Ledger['counts']
  readonly outcomes: Ledger['outcomes']['counts']
  /** Questions whose answers were compared at every sidecar. */
  readonly answers: number
}

const SIDECARS = 3
const CLIENTS = 8
/** A run goes on until so many attempts are acknowledged. */
export const MIN_ACKNOWLEDGED = 100
/** How long the sidecars may take at the end to know all attempts. */
const CATCH_UP_MS = 60_000

/** Few large requests, so that many requests are in flight when something is killed. */
const smallSizes: Sizes = random => {
  const dice = random()
  if (dice < 0.6) return 1
  return dice < 0.98 ? 2 + Math.floor(random() * 8) : 200 + Math.floor(random() * 300)
}

/** Runs until all kills are done, and audits. */
export async function runShared(run: SharedRun): Promise<SharedOutcome> {
  await using server = await SHARED_STORES[run.store].start()
  await using spools = await temporaryFolder()
  // A sidecar that is started finds what a killed one spooled.
  const config = join(spools.path, 'config.yaml')
  await writeFile(config, ALERTS_CONFIG)
  const args = ['--config', config, '--spool', `${spools.path}/`]
  await using fleet = startFleet(server.target, SIDECARS, args)
  const ledger = createLedger({ isImmediate: server.kill === undefined })
  await fleet.allReady()
  const over = new AbortController()
  const clients = Array.from({ length: CLIENTS }, () => sendUntil(over.signal, fleet, ledger, run))
  const asking = askUntil(over.signal, fleet, run.random)
  const serverKills = server.kill === undefined ? 0 : run.serverKills
  await killAll({ ...run, serverKills }, fleet, server.kill)
  await untilEnough(ledger)
  over.abort()
  const faults = [await asking, ...(await Promise.all(clients))].flat()
  const verdict = await auditAll({ target: server.target, args }, fleet, ledger, run.random)
  return {
    ...verdict,
    faults: [...faults, ...verdict.faults, ...fleet.faults],
    sidecarKills: run.sidecarKills,
    serverKills,
    counts: ledger.counts,
    outcomes: ledger.outcomes.counts,
  }
}

/** On a slow machine, a short run may spend all of its time in starts. Gives up after a time. */
async function untilEnough(ledger: Ledger): Promise<void> {
  const endMs = performance.now() + CATCH_UP_MS
  while (ledger.counts.kept < MIN_ACKNOWLEDGED && performance.now() < endMs) await pause(50)
}

/** Spreads the kills over the time, in random order. A kill of the server does not delay those of sidecars. */
async function killAll(
  { seconds, sidecarKills, serverKills, random }: SharedRun,
  fleet: Fleet,
  killServer: (() => Promise<void>) | undefined,
): Promise<void> {
  const total = sidecarKills + serverKills
  const everyMs = (seconds * 1000) / total
  let server: Promise<void> = Promise.resolve()
  let left = serverKills
  for (let i = 0; i < total; i++) {
    const nextMs = performance.now() + everyMs
    await pause(random() * everyMs * 0.9)
    if (random() * (total - i) < left) {
      left--
      server = server.then(killServer)
    } else await fleet.kill(random)
    await pause(Math.max(0, nextMs - performance.now()))
  }
  await server
}

/** Sends attempts and outcomes to random sidecars, unanswered ones again. Resolves with faults. */
async function sendUntil(
  over: AbortSignal,
  fleet: Fleet,
  ledger: Ledger,
  { random, clientRate = 40 }: SharedRun,
): Promise<string[]> {
  while (!over.aborted) {
    const urls = fleet.ready()
    if (urls.length > 0) {
      try {
        await sendSome(() => urls[Math.floor(random() * urls.length)]!, { ledger, random, sizes: smallSizes })
      } catch (error) {
        return [`a sidecar's answer breaks the contract: ${error instanceof Error ? error.message : error}`]
      }
    }
    await pause((random() * 2000) / clientRate)
  }
  return []
}

const QUESTIONS = ['/metrics', '/api/v1/report', '/api/v1/trends?since=40d', '/api/v1/attempts?limit=200', '/readyz']

/** Asks random sidecars. A question may be refused, but must not fail. */
async function askUntil(over: AbortSignal, fleet: Fleet, random: Random): Promise<string[]> {
  const faults: string[] = []
  while (!over.aborted) {
    const urls = fleet.ready()
    const url = urls[Math.floor(random() * urls.length)]
    const path = QUESTIONS[Math.floor(random() * QUESTIONS.length)]!
    const answer = url === undefined ? undefined : await fetch(url + path).catch(() => undefined)
    const text = await answer?.text().catch(() => undefined)
    if (answer !== undefined && ![200, 429, 503].includes(answer.status))
      faults.push(`${path}: ${answer.status} ${text}`)
    await pause(50)
  }
  return faults
}

/** Audits every sidecar, and one that starts on the store after all others have stopped. */
async function auditAll(
  { target, args }: { readonly target: string; readonly args: readonly string[] },
  fleet: Fleet,
  ledger: Ledger,
  random: Random,
): Promise<Verdict & { answers: number }> {
  const urls = await fleet.allReady()
  await resendUnanswered(urls[0]!, ledger, random)
  await sendLast(urls[0]!, ledger, random)
  const { certain } = ledger.decided()
  for (const url of urls) await untilTotal(url, certain)
  const answers = await Promise.all(urls.map(answersOf))
  const unequal = answers.flatMap((other, i) => differences(other, answers[0]!).map(text => `sidecar ${i}: ${text}`))
  const verdicts = [await auditAttempts(urls[0]!, ledger)]
  for (const { exit, log } of await fleet.stop()) if (exit !== 0) unequal.push(`a sidecar ended with ${exit}: ${log}`)
  await using again = spawnSidecar(target, { args })
  const url = await urlOf(again)
  const replayed = differences(await answersOf(url), answers[0]!).map(text => `after a restart: ${text}`)
  verdicts.push(await auditAttempts(url, ledger))
  const facts = await differsFromFacts(answers[0]!, target, ledger)
  const begun = await targetAlerts(target)
  if (begun !== 1) unequal.push(`the log says ${begun} times that one target began to be missed`)
  const worst = (of: (verdict: Verdict) => number): number => Math.max(...verdicts.map(of))
  return {
    lost: worst(one => one.lost),
    double: worst(one => one.double),
    wrong: worst(one => one.wrong),
    faults: [...new Set(verdicts.flatMap(one => one.faults)), ...unequal, ...replayed, ...facts],
    answers: answers[0]!.size,
  }
}

/** Sends an attempt without outcomes. A sidecar that counts it has counted all outcomes: the log has them before it. */
async function sendLast(url: string, ledger: Ledger, random: Random): Promise<void> {
  let numbers = ledger.take(1)
  while (isPending(numbers[0]!) || outcomesOf(numbers[0]!).length > 0) numbers = ledger.take(1)
  if ((await sendNumbers(url, numbers, ledger, random)) !== 'kept') throw new Error('the last attempt was not recorded')
}

/** Waits until the sidecar knows all attempts. Gives up after a time: the audit then finds what is missing. */
async function untilTotal(url: string, total: number): Promise<void> {
  const endMs = performance.now() + CATCH_UP_MS
  while ((await totalOf(url)) !== total && performance.now() < endMs) await pause(50)
}

/** The outcome as text. */
export function describeShared({
  sidecarKills,
  serverKills,
  counts,
  outcomes,
  lost,
  double,
  wrong,
  answers,
}: SharedOutcome): string {
  const { sent, kept, refused } = counts
  return `${sidecarKills} kills of sidecars, ${serverKills} of the server; ${sent} attempts, ${kept} acknowledged, ${refused} refused; ${outcomes.kept} outcomes acknowledged, ${outcomes.repeats} repeats, ${outcomes.unknown} before their attempt: lost ${lost}, double ${double}, wrong ${wrong}; ${answers} answers compared at ${SIDECARS} sidecars and after a restart`
}
