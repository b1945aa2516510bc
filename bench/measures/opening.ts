/** Creates stores to start from, and times a start. Each start runs in its own process. */
import { readFileSync } from 'node:fs'
import { readdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { openStore } from '../../src/store/open.ts'
import { AgentPerformanceTracker } from '../../src/tracker.ts'
import { attemptOf, attemptsOf, keyOf } from '../support/attempts.ts'

const BATCH = 10_000

async function fill(path: string, attempts: number, keys: number): Promise<void> {
  const tracker = new AgentPerformanceTracker(path)
  for (let at = 0; at < attempts; at += BATCH) {
    const { error } = await tracker.recordAttempts(attemptsOf(BATCH, keys, at))
    if (error !== undefined) throw error
  }
  await tracker.close()
}

/** Creates a closed store of 10,000 keys with 100 recent attempts each. */
export async function startFiles(path = ''): Promise<void> {
  await fill(path, 1_000_000, 10_000)
}

/** Creates a closed store with 300,000 attempts in its journal. */
export async function replayFiles(path = ''): Promise<void> {
  await fill(path, 300_000, 100)
}

/** {@link timeOpening} without snapshots: the start replays the whole journal. */
export async function timeReplaying(path = ''): ReturnType<typeof timeOpening> {
  const journal = path.replace(/\.json$/, '.journal')
  for (const name of await readdir(journal)) if (name.startsWith('snapshot')) await rm(join(journal, name))
  return timeOpening(path)
}

/** Creates a document of about 30 MB in the origin's format: 1,000 keys with 100 recent attempts each. */
export async function writeOriginFile(path = ''): Promise<void> {
  const metrics = Object.fromEntries(
    Array.from({ length: 1000 }, (_, key) => {
      const { agent_name, model_name, issue_type } = keyOf(key)
      const recent = Array.from({ length: 100 }, () => ({ timestamp: '2026-06-01T12:00:00.123456', ...attemptOf(key) }))
      const successful = recent.filter(one => one.success).length
      const sums = { total_attempts: 100, successful_fixes: successful, failed_fixes: 100 - successful }
      const averages = {
        avg_confidence: 0.5,
        avg_time_seconds: 12.5,
        success_rate: successful,
        last_updated: '2026-06-01T12:00:00',
      }
      return [
        `${agent_name}:${model_name}:${issue_type}`,
        { agent_name, model_name, issue_type, ...sums, ...averages, recent_results: recent },
      ]
    }),
  )
  await writeFile(path, JSON.stringify({ version: '1.0', last_updated: '2026-06-01T12:00:00', metrics }, null, 2))
}

/** Milliseconds to open a store, and its number of attempts. */
export async function timeOpening(path = ''): Promise<{ readonly ms: number; readonly attempts: number }> {
  const startMs = performance.now()
  const store = await openStore(path)
  const ms = performance.now() - startMs
  const tracker = new AgentPerformanceTracker({ store })
  const { summary } = await tracker.generatePerformanceReport()
  await tracker.close()
  return { ms, attempts: summary.total_attempts }
}

/** Milliseconds of JSON.parse for a file. */
export function timeParsing(path = ''): { readonly ms: number } {
  const text = readFileSync(path, 'utf8')
  const startMs = performance.now()
  JSON.parse(text)
  return { ms: performance.now() - startMs }
}
