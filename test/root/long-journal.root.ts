/** A journal of the maximum length without a snapshot: a start replays all of it in bounded memory. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { crc32 } from 'node:zlib'
import { expect, test } from 'vitest'
import { attemptOf } from '../chaos/attempts.ts'
import { totalOf } from '../chaos/kill-runs.ts'
import { end, spawnSidecar, urlOf } from '../chaos/spawned.ts'
import { peakMemoryOf } from './memory.ts'
import { needs } from './needs.ts'

const SEGMENTS = 10_000
const GIB = 2 ** 30

/** A journal line in the documented format. */
function line(record: object): string {
  const text = `${Date.now()} ${JSON.stringify(record)}`
  return `${crc32(text).toString(16).padStart(8, '0')} ${text}\n`
}

/** The lines of one segment. All segments together are 1 GiB. */
function attemptLines(): { text: string; count: number } {
  let [text, count] = ['', 0]
  while (text.length < GIB / SEGMENTS) {
    const { attempt_id: _, ...attempt } = attemptOf(++count)
    text += line(attempt)
  }
  return { text, count }
}

/** Writes the journal. Resolves with its number of attempts. */
async function writeJournal(directory: string): Promise<number> {
  const { text, count } = attemptLines()
  let previous = { segment: 0, offset: 0 }
  for (let segment = 1; segment <= SEGMENTS; segment++) {
    const content = line({ segment: { format: 1, previous } }) + text
    await writeFile(join(directory, `${String(segment).padStart(20, '0')}.ndjson`), content)
    previous = { segment, offset: content.length }
  }
  return SEGMENTS * count
}

test('a journal of 10,000 segments and 1 GiB without a snapshot is replayed in bounded memory, and the next start is faster', async context => {
  needs(context, 'space')
  const folder = await mkdtemp(join(tmpdir(), 'agent-performance-long-'))
  try {
    await mkdir(join(folder, 'agent_performance.journal'))
    const total = await writeJournal(join(folder, 'agent_performance.journal'))
    const store = join(folder, 'agent_performance.json')
    const start = async (): Promise<{ seconds: number; peakMiB: number }> => {
      const startMs = performance.now()
      await using sidecar = spawnSidecar(store)
      const url = await urlOf(sidecar)
      const seconds = (performance.now() - startMs) / 1000
      expect(await totalOf(url)).toBe(total)
      const peakMiB = await peakMemoryOf(sidecar)
      expect(await end(sidecar, 'SIGTERM')).toBe(0)
      return { seconds, peakMiB }
    }
    const [first, second] = [await start(), await start()]
    process.stdout.write(
      `${total} attempts in ${SEGMENTS} segments: ready in ${first.seconds.toFixed(1)} s with ${first.peakMiB} MiB at most, then in ${second.seconds.toFixed(1)} s\n`,
    )
    expect(first.peakMiB).toBeLessThan(768)
    expect(second.seconds).toBeLessThan(first.seconds)
  } finally {
    await rm(folder, { recursive: true })
  }
}, 400_000)
