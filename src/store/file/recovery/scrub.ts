/**
 * The scrub slowly reads and verifies all segments and snapshots in the background. It also verifies a single segment after a listing found
 * damage in it. It logs and counts damage, and records it as known damage. It never reads beyond the durable end of the journal. The file is long
 * because both ways of verifying share what is known of the damage.
 */
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Logger } from '../../logger.ts'
import { messageOf } from '../../messages.ts'
import { errorCode } from '../errors.ts'
import { type ChainOptions, type Extent, readChain } from '../journal/extents.ts'
import { oldestPath, readOldest } from '../journal/oldest.ts'
import { segmentPath } from '../journal/segments.ts'
import { listSnapshots, snapshotPath, verifySnapshot } from '../snapshot/snapshot-files.ts'
import type { Damage } from './damage.ts'
import { copyAside } from './repair.ts'
import { type Pace, scan } from './scan.ts'
import type { StartOptions } from './start.ts'

/** How a scrub is throttled. */
export interface ScrubTimes {
  /** Milliseconds from the start of the store to the first pass, and from the end of one to the next. Infinity for no scheduled pass. */
  readonly firstMs: number
  readonly everyMs: number
  readonly bytesPerSecond: number
}

export const SCRUB_TIMES: ScrubTimes = { firstMs: 2000, everyMs: 86_400_000, bytesPerSecond: 4 * 1024 * 1024 }

/** About half a millisecond of work. */
const BLOCK_BYTES = 64 * 1024
/** The factor of speed for a segment in which a listing found damage, because an operator is probably waiting for the cause. */
const SPEED_UP = 8
/** The minimum time between two verifications of a segment because of listings. */
const RECHECK_MS = 60_000
/** The maximum number of copies of damaged files. Without it, they could fill a disk that fails everywhere. */
const MAX_COPIES = 16

export interface ScrubOptions extends Pick<StartOptions, 'fileSystem' | 'directory' | 'clock'> {
  readonly log: Logger
  readonly damage: Damage
  readonly times: ScrubTimes
  /** The journal as it is now. */
  readonly chain: () => ChainOptions
  /** Called if a snapshot is damaged, so that another one is taken. */
  readonly onDamagedSnapshot: () => void
  /** Writes the file that names the oldest segment again. */
  readonly keepOldest: () => Promise<void>
}

export interface Scrub {
  /** Verifies one segment soon. */
  examine(sequence: number): void
  /** Runs a whole pass now. Resolves when it is done. */
  pass(): Promise<void>
  close(): Promise<void>
}

const STOPPED = new Error('the store is closed')

export function createScrub(options: ScrubOptions): Scrub {
  const { log, times } = options
  const examined = new Map<number, number>()
  const queued = new Set<number>()
  let running: Promise<void> = Promise.resolve()
  let isStopped = false
  /** Ends the current pause. */
  let wake = (): void => {}
  let timer: NodeJS.Timeout | undefined

  async function pause(bytesPerSecond: number): Promise<void> {
    // `close` ends only the current pause, so later ones must not begin.
    if (isStopped) throw STOPPED
    if (bytesPerSecond === Number.POSITIVE_INFINITY) return await nextTurn()
    let waiting: NodeJS.Timeout | undefined
    await new Promise<void>(resolve => {
      wake = resolve
      waiting = setTimeout(resolve, (BLOCK_BYTES / bytesPerSecond) * 1000).unref()
    })
    clearTimeout(waiting)
    if (isStopped) throw STOPPED
  }
  const paceOf = (factor: number): Pace => ({
    blockBytes: BLOCK_BYTES,
    pause: () => pause(times.bytesPerSecond * factor),
  })

  /** Runs work one after the other. A failed pass is repeated at the next scheduled time. */
  function enqueue(work: () => Promise<void>): Promise<void> {
    running = running.then(async () => {
      try {
        if (!isStopped) await work()
      } catch (error) {
        if (error !== STOPPED) log.warn('the store cannot be verified now', { error: messageOf(error) })
      }
    })
    return running
  }

  async function wholePass(): Promise<void> {
    const startMs = performance.now()
    const pace = paceOf(1)
    const paths = new Set<string>()
    const extents = (await readChain(options.chain())).extents
    for (const { sequence } of extents) paths.add(segmentPath(options.directory, sequence))
    // The journal changes meanwhile, so each segment is looked up again.
    const seen = new Set<number>()
    for (const { sequence } of extents) {
      if (!seen.has(sequence)) for (const one of await examineSegment(options, sequence, pace)) seen.add(one)
    }
    for (const path of await verifySnapshots(options, pace)) paths.add(path)
    await verifyOldest(options)
    paths.add(oldestPath(options.directory))
    options.damage.keepOnly(paths)
    const seconds = Math.round((performance.now() - startMs) / 1000)
    log.debug('the store was verified', { segments: extents.length, seconds, damaged: options.damage.known.files })
  }

  function plan(ms: number): void {
    if (!isStopped && ms < Number.POSITIVE_INFINITY)
      timer = setTimeout(() => void enqueue(wholePass).then(() => plan(times.everyMs)), ms).unref()
  }
  plan(times.firstMs)

  return {
    examine(sequence) {
      const path = segmentPath(options.directory, sequence)
      const nowMs = performance.now()
      if (queued.has(sequence) || options.damage.has(path)) return
      if (nowMs - (examined.get(sequence) ?? Number.NEGATIVE_INFINITY) < RECHECK_MS) return
      for (const [one, ms] of examined) if (nowMs - ms >= RECHECK_MS) examined.delete(one)
      queued.add(sequence)
      void enqueue(async () => {
        queued.delete(sequence)
        examined.set(sequence, performance.now())
        await examineSegment(options, sequence, paceOf(SPEED_UP))
      })
    },
    pass: () => enqueue(wholePass),
    async close() {
      isStopped = true
      wake()
      clearTimeout(timer)
      await running
    },
  }
}

/** The result of verifying one segment. */
interface Examined {
  readonly extent: Extent
  readonly attempts: number
  readonly corrupt: number
  readonly lost: number
  /** The damage in words. Undefined if there is none. */
  readonly reason: string | undefined
}

/**
 * Verifies a segment. If only the total number of attempts of several adjacent segments is known, verifies all of them. Resolves with the
 * sequence numbers of the verified segments.
 */
async function examineSegment(options: ScrubOptions, sequence: number, pace: Pace): Promise<number[]> {
  const chainOptions = options.chain()
  const { extents, floorRecords } = await readChain(chainOptions)
  const at = extents.findIndex(one => one.sequence === sequence)
  if (at < 0) return []
  let first = at
  while (first > 0 && extents[first]!.state !== 'kept') first--
  let last = at
  while (last < extents.length - 1 && extents[last]!.endRecords === undefined && extents[last + 1]!.state !== 'kept')
    last++
  const group: Examined[] = []
  for (const extent of extents.slice(first, last + 1)) {
    const one = await verify(options, extent, pace)
    // Retention has removed it and all older segments meanwhile.
    if (extent.sequence < chainOptions.journal.oldest.segment || one === undefined) return [sequence]
    group.push(one)
  }
  const before = extents[first]!.records ?? (first === 0 && extents[0]!.state !== 'kept' ? floorRecords : undefined)
  const after = extents[last]!.endRecords
  const held = group.reduce((sum, { attempts, lost }) => sum + attempts + lost, 0)
  const gap = before === undefined || after === undefined ? undefined : Math.max(0, after - before - held)
  await report(options, group, gap)
  return group.map(({ extent }) => extent.sequence)
}

/** Undefined if the segment was removed while it was read. */
async function verify(options: ScrubOptions, extent: Extent, pace: Pace): Promise<Examined | undefined> {
  const { fileSystem, directory } = options
  const { sequence, end } = extent
  const path = segmentPath(directory, sequence)
  const nothing = { extent, attempts: 0, corrupt: 0, lost: 0 }
  try {
    const size = (await fileSystem.stat(path))?.size
    if (size === undefined) return { ...nothing, reason: 'it is missing' }
    let attempts = 0
    const { corrupt, lost } = await scan(
      fileSystem,
      path,
      { start: 0, end: Math.min(end, size), bounded: true },
      record => {
        if (record.kind === 'attempt') attempts++
      },
      pace,
    )
    const cut = size < end ? `it has ${size} bytes instead of ${end}` : undefined
    return { extent, attempts, corrupt, lost, reason: cut ?? (corrupt > 0 ? `${corrupt} damaged records` : undefined) }
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined
    throw error
  }
}

/** Reports the missing attempts of the group at the segment that is missing, truncated or damaged, otherwise at the last one. */
async function report(options: ScrubOptions, group: readonly Examined[], gap: number | undefined): Promise<void> {
  const { damage, directory } = options
  const blamed =
    group.find(({ extent }) => extent.state === 'absent') ??
    group.find(({ reason }) => reason !== undefined) ??
    group.at(-1)
  for (const one of group) {
    const path = segmentPath(directory, one.extent.sequence)
    const missing = one === blamed ? (gap ?? 0) : 0
    const reason = one.reason ?? (missing > 0 ? `${missing} records are missing` : undefined)
    if (reason === undefined) damage.clear(path)
    else {
      const isFirst = !damage.has(path)
      damage.report({ path, reason, corrupt: one.corrupt, lost: one.lost, missing })
      if (isFirst && one.reason !== 'it is missing') await copyAside(options, path, MAX_COPIES)
    }
  }
}

/** Resolves with the paths of damaged snapshots. */
async function verifySnapshots(options: ScrubOptions, pace: Pace): Promise<string[]> {
  const { damage, directory, onDamagedSnapshot } = options
  const damaged: string[] = []
  for (const sequence of await listSnapshots(options)) {
    const path = snapshotPath(directory, sequence)
    const reason = await verifySnapshot(options, sequence, pace).catch(error => {
      // The snapshot was removed meanwhile, because there are newer ones.
      if (errorCode(error) === 'ENOENT') return undefined
      throw error
    })
    if (reason === undefined) continue
    damaged.push(path)
    const isFirst = !damage.has(path)
    damage.report({ path, reason, corrupt: 0, lost: 0, missing: 0 })
    if (!isFirst) continue
    await copyAside(options, path, MAX_COPIES)
    onDamagedSnapshot()
  }
  return damaged
}

async function verifyOldest(options: ScrubOptions): Promise<void> {
  const { damage, directory, keepOldest } = options
  const path = oldestPath(directory)
  const read = await readOldest(options)
  if (typeof read !== 'string') return damage.clear(path)
  if (read === 'damaged') await copyAside(options, path, MAX_COPIES)
  damage.report({ path, reason: `it is ${read}, and was written again`, corrupt: 0, lost: 0, missing: 0 })
  await keepOldest()
}
