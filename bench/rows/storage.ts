/** Rows for starts from files on disk, and for writing the document and snapshots. */
import { copyFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { WholeFileTimes } from '../measures/whole-files.ts'
import { measure, measureRounds } from '../support/in-process.ts'
import { atLeast, atMost, type Bench, type Row, short } from '../support/row.ts'
import { interleave, median, ratios, spread } from '../support/statistics.ts'

/** The origin's time, in milliseconds, to load 10,000 keys with 100 recent attempts each. A constant that this run does not measure. */
const ORIGIN_LOAD_MS = 3900
const REPLAYED = 300_000

interface Opening {
  readonly ms: number
  readonly attempts?: number
}

export async function storageRows(bench: Bench): Promise<Row[]> {
  const store = join(bench.folder, 'start.json')
  await measure('start-files', store)
  const start = await startRow(store, bench)
  const rest = [await replayRow(bench), await adoptRow(bench), await preallocationRow(bench)]
  return [start, ...rest, ...(await wholeFileRows(store, bench))]
}

async function startRow(store: string, bench: Bench): Promise<Row> {
  const opened = await measureRounds<Opening>(bench.rounds, 'open', store)
  checkAttempts(opened, 1_000_000)
  const ms = opened.map(one => one.ms)
  return atLeast(
    {
      figure: 'start, 10,000 keys with 100 recent each, from our own snapshot',
      against: "constant: the origin's load of the same, 3.9 s",
      note: `${short(median(ms))} ms`,
    },
    { value: 12, unit: '×' },
    spread(ms.map(one => ORIGIN_LOAD_MS / one)),
  )
}

async function replayRow(bench: Bench): Promise<Row> {
  const path = join(bench.folder, 'replay.json')
  await measure('replay-files', path)
  const opened = await measureRounds<Opening>(bench.rounds, 'replay', path)
  checkAttempts(opened, REPLAYED)
  return atLeast(
    { figure: 'replay of the journal', against: '' },
    { value: 300_000, unit: ' lines/s' },
    spread(opened.map(one => (REPLAYED / one.ms) * 1000)),
  )
}

async function adoptRow(bench: Bench): Promise<Row> {
  const origin = join(bench.folder, 'origin.json')
  await measure('origin-file', origin)
  const { adopted, parsed } = await interleave(bench.rounds, {
    async adopted() {
      const path = join(bench.folder, 'adopted.json')
      await rm(join(bench.folder, 'adopted.journal'), { recursive: true, force: true })
      await copyFile(origin, path)
      return measure<Opening>('open', path)
    },
    parsed: () => measure<Opening>('parse', origin),
  })
  checkAttempts(adopted, 100_000)
  const of = (openings: readonly { readonly ms: number }[]): number[] => openings.map(one => one.ms)
  const note = `${short(median(of(adopted)))} ms against ${short(median(of(parsed)))} ms`
  const text = { figure: "adopting the origin's file of 30 MB", against: 'JSON.parse of it', note }
  return atMost(text, { value: 2.5, unit: '×' }, ratios(of(adopted), of(parsed)))
}

/** Held by this row: without 10 % more, journal/preallocation.ts must go. */
async function preallocationRow({ folder, rounds }: Bench): Promise<Row> {
  const path = join(folder, 'appended')
  const appending = (name: string) => async (): Promise<number> =>
    (await measure<{ readonly perSecond: number }>(name, path)).perSecond
  const { preallocated, plain } = await interleave(rounds, {
    preallocated: appending('append-preallocated'),
    plain: appending('append'),
  })
  const note = `${short(median(preallocated))}/s against ${short(median(plain))}/s`
  const text = { figure: 'durable appends of 2.5 KB, space preallocated', against: 'the same without', note }
  return atLeast(text, { value: 1.1, unit: '×' }, ratios(preallocated, plain))
}

async function wholeFileRows(store: string, bench: Bench): Promise<Row[]> {
  const written = await measureRounds<WholeFileTimes>(Math.ceil(bench.rounds / 3), 'whole-files', store)
  const note = `${short(written[0]!.bytes / 1e6)} MB`
  return [
    atMost(
      { figure: 'document at 10,000 keys: longest stall while it is written', against: '', note },
      { value: 10, unit: ' ms' },
      spread(written.map(one => one.documentStall)),
    ),
    atMost(
      {
        figure: 'document at 10,000 keys: serialised again when 1 key changed',
        against: 'all of it',
        note: 'characters that went through JSON.stringify',
      },
      { value: 1, unit: ' %' },
      spread(written.map(one => (100 * one.serialised) / one.bytes)),
    ),
    atMost(
      { figure: 'snapshot at 10,000 keys: longest stall while it is taken', against: '', note: 'every key changed' },
      { value: 10, unit: ' ms' },
      spread(written.map(one => one.snapshotStall)),
    ),
  ]
}

function checkAttempts(opened: readonly Opening[], attempts: number): void {
  for (const one of opened)
    if (one.attempts !== attempts) throw new Error(`a start restored ${one.attempts} of ${attempts} attempts`)
}
