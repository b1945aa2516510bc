/** Takes checkpoints as the journal grows, and lets go of what they and the retention make needless. */
import type { IdWindow } from '../../core/aggregate/dedup-window.ts'
import type { Series } from '../../core/aggregate/series.ts'
import type { Tally } from '../../core/aggregate/tally.ts'
import type { Clock } from '../../core/ports.ts'
import { type CapturedState, captureState } from './captured-state.ts'
import { checkpointPath, listCheckpoints, peekPosition, writeCheckpoint } from './checkpoint-files.ts'
import type { Counters } from './counters.ts'
import { type Hold, scratchPath } from './directory.ts'
import { messageOf } from './errors.ts'
import type { GroupCommit } from './group-commit.ts'
import type { Journal } from './journal.ts'
import type { Log } from './log.ts'
import { createPacedWriter } from './paced-writer.ts'
import { ORIGIN, type Position } from './position.ts'
import { createExpiry, type Retention } from './retention.ts'
import type { JournalFiles } from './segments.ts'
import type { Found } from './start.ts'

/** A checkpoint is taken when the journal has grown by so much, or something changed this long ago. */
const EVERY = { bytes: 64 * 1024 * 1024, ms: 60_000 }
const KEPT = 2
/** The part of all time that may be spent on checkpoints. */
const SHARE = 0.1

export interface CheckpointerOptions extends JournalFiles {
  readonly tally: Tally
  readonly ids: IdWindow
  readonly series: Series
  readonly clock: Clock
  readonly log: Log
  readonly counters: Counters
  readonly journal: Journal
  readonly commit: GroupCommit
  readonly retention: Retention
  readonly found: Found
  readonly hold: Pick<Hold, 'loss' | 'assertHeld'>
}

export interface Checkpointer {
  /** What segments before this one hold was forgotten by a reset. */
  readonly resetAt: number
  /** The newest checkpoint that was found or written here, or is being written. */
  readonly newest: number
  /** Something was counted: a checkpoint is due some time. */
  changed(): void
  /** A checkpoint is due now. */
  request(): void
  /** A reset stands at the beginning of segment `sequence`: what is older leaves with the next checkpoint, which is due now. */
  forget(sequence: number): void
  /** Takes a checkpoint where the oldest segment holds only attempts that are too old, so that it leaves although nothing is recorded. */
  expire(): Promise<void>
  /** Takes the checkpoint that is due now; resolves when that was tried. */
  flush(): Promise<void>
  /** Takes a last checkpoint where something was counted since the one before. */
  close(): Promise<void>
}

export function createCheckpointer(options: CheckpointerOptions): Checkpointer {
  const { directory, fileSystem, tally, ids, series, clock, log, journal, commit, retention, found, hold } = options
  const files: JournalFiles = { fileSystem, directory }
  const expiry = createExpiry(files, retention)
  const counters = options.counters.checkpoint
  let sequence = found.lastCheckpoint + (found.adoption === undefined ? 0 : 1)
  let newest = sequence
  let resetAt = found.resetAt
  /** {@link Journal.written} when a checkpoint was last asked for. */
  let asked = 0
  let timer: NodeJS.Timeout | undefined

  async function take(): Promise<void> {
    // The outage has reported it, and asks for a checkpoint when it ends.
    if (hold.loss() !== undefined) return
    const startMs = performance.now()
    const captured = await commit.between(capture)
    newest = sequence + 1
    const bytes = await writeCheckpoint(files, newest, {
      ...captured,
      bytes: () => whileHeld(captured.bytes()),
    }).finally(() => captured.close())
    sequence++
    Object.assign(counters, { bytes, seconds: (performance.now() - startMs) / 1000, lastSuccessMs: clock() })
    counters.writes++
    log.debug('a checkpoint was taken', { path: checkpointPath(directory, sequence), bytes, ...captured.position })
    await tidy()
  }

  /** Closes a segment that is old first: what it holds leaves by whole segments only. */
  async function capture(): Promise<CapturedState> {
    const { segment, offset } = journal.end
    if (await expiry.isToBeClosed(segment, offset, clock())) await journal.begin()
    const state = { position: journal.end, resetAt, records: journal.records }
    return await captureState(fileSystem, scratchPath(directory, 'checkpoint'), state, { tally, ids, series })
  }

  /** Fails at the end where the lock was lost meanwhile: the file must not take the place of one that another owner wrote. */
  async function* whileHeld(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    yield* bytes
    hold.assertHeld()
  }

  const writer = createPacedWriter({
    write: take,
    share: SHARE,
    onError(error) {
      counters.errors++
      log.error('no checkpoint can be taken: the journal is kept until one can', { directory, error: messageOf(error) })
    },
  })

  /** Removes all but the newest checkpoints, and the oldest segments that no kept checkpoint needs. */
  async function tidy(): Promise<void> {
    hold.assertHeld()
    const kept: Position[] = []
    for (const one of (await listCheckpoints(files)).reverse()) {
      const position = (await peekPosition(files, one)) ?? ORIGIN
      if (one <= sequence && kept.length < KEPT && position.segment >= resetAt) kept.push(position)
      else await fileSystem.remove(checkpointPath(directory, one))
    }
    const needed = kept.length === 0 ? resetAt : Math.min(...kept.map(position => position.segment))
    for (;;) {
      const [oldest, next] = journal.segments.keys()
      if (oldest === undefined || next === undefined || oldest >= needed) break
      if (oldest >= resetAt && !(await isOverdue(oldest))) break
      await journal.remove(oldest)
    }
    await fileSystem.syncDirectory(directory)
  }

  /** Whether there is too much, or all in the oldest segment is too old. */
  async function isOverdue(oldest: number): Promise<boolean> {
    let bytes = 0
    for (const size of journal.segments.values()) bytes += size
    if (bytes > retention.maxBytes) return true
    return await isExpired(oldest)
  }

  function isExpired(segment: number): Promise<boolean> {
    return expiry.isExpired(segment, journal.segments.get(segment) ?? 0, clock() - retention.maxAgeMs)
  }

  /** Two checkpoints must stand behind a segment before it leaves: this is called again and again. */
  async function expire(): Promise<void> {
    const [oldest, next] = journal.segments.keys()
    if (oldest === undefined || hold.loss() !== undefined) return
    const { segment, offset } = journal.end
    const canLeave = next !== undefined || (await expiry.isToBeClosed(segment, offset, clock()))
    if (canLeave && (await isExpired(oldest))) due()
  }

  function due(): void {
    clearTimeout(timer)
    timer = undefined
    asked = journal.written
    writer.request()
  }

  return {
    get resetAt() {
      return resetAt
    },
    get newest() {
      return newest
    },
    changed() {
      if (journal.written - asked >= EVERY.bytes) due()
      timer ??= setTimeout(due, EVERY.ms).unref()
    },
    request: due,
    forget(segment) {
      resetAt = segment
      due()
    },
    expire: () =>
      expire().catch(error => log.debug('old segments cannot be looked at', { directory, error: messageOf(error) })),
    flush: writer.flush,
    async close() {
      if (timer !== undefined) due()
      writer.stop()
      await writer.flush()
    },
  }
}
