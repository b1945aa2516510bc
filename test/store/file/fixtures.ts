/** Fixtures of the file store tests: attempts, a store on a fake disk, and the state of a client. */

import { totalAttempts } from '../../../src/core/aggregate/summary.ts'
import { createTally, type Tally } from '../../../src/core/aggregate/tally.ts'
import { DEFAULT_TIERS } from '../../../src/core/aggregate/time-tiers.ts'
import type { AgentAttempt } from '../../../src/core/attempt/attempt.ts'
import type { Store } from '../../../src/core/ports.ts'
import { type FileStore, type FileStoreOptions, openFileStore } from '../../../src/store/file/file-store.ts'
import type { FileSystem } from '../../../src/store/file/file-system.ts'

export const NOW: number = Date.parse('2026-03-01T12:00:00Z')
/** The path of the stores on fake disks. */
export const PATH = '/data/perf.json'

export function newTally(): Tally {
  return createTally({ maxKeys: 1000, maxArms: 100, tiers: DEFAULT_TIERS })
}

const WHEN_ASKED = { firstMs: Infinity, everyMs: Infinity, bytesPerSecond: Infinity }

export function openFake(fileSystem: FileSystem, options: Partial<FileStoreOptions> = {}): Promise<FileStore> {
  const ids = { limit: 1000, keepMs: 86_400_000 }
  return openFileStore({
    path: PATH,
    tally: newTally(),
    clock: () => NOW,
    fileSystem,
    ids,
    scrub: WHEN_ASKED,
    // A store that a test does not close, as after a crash, must not continue in the background.
    ownership: { watchMs: Number.POSITIVE_INFINITY, touchMs: Number.POSITIVE_INFINITY },
    ...options,
  })
}

/** The attempt number `id`. Equal numbers give equal attempts, and consecutive ones have different keys. */
export function attempt(id: number, more: Partial<AgentAttempt> = {}): AgentAttempt {
  return {
    agent_name: `agent ${id % 3}`,
    model_name: 'llama3:8b',
    issue_type: 'bug',
    success: id % 2 === 0,
    confidence: (id % 10) / 10,
    time_seconds: id / 7,
    timestamp: '2026-03-01T11:59:00Z',
    attempt_id: `id ${id}`,
    ...more,
  }
}

/** The state of a client: the attempts it sent, and those that were acknowledged. */
export interface Ledger {
  readonly sent: Set<string>
  readonly kept: Set<string>
}

export function createLedger(): Ledger {
  return { sent: new Set(), kept: new Set() }
}

/** Sends attempts by their numbers, and enters them in the ledger. */
export async function send(store: Store, ledger: Ledger, ...ids: number[]): Promise<void> {
  const attempts = ids.map(id => attempt(id))
  for (const { attempt_id } of attempts) ledger.sent.add(attempt_id!)
  await store.append(attempts)
  for (const { attempt_id } of attempts) ledger.kept.add(attempt_id!)
}

/** The ids of all listed attempts, sorted. */
export async function idsIn(store: Store): Promise<string[]> {
  const { attempts } = await store.attempts({ limit: 1000 })
  return attempts.map(one => one.attempt_id ?? '').sort()
}

/** The number of attempts that a store has counted. */
export async function countedIn(store: Store): Promise<number> {
  return (await store.summaries()).reduce((sum, one) => sum + totalAttempts(one.summary), 0)
}

/** A random generator of numbers from 0 to 1. Equal seeds give equal numbers. */
export function randomFrom(seed: number): () => number {
  let state = seed + 1
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state / 2 ** 32
  }
}
