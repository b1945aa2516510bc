/**
 * The scrub: a slow pass over all segments and snapshots in the background, which reads and verifies them, and one of single segments where a
 * listing found something wrong. What it finds goes to the log, to the counters and to what is known of the damage. It never reads behind
 * the durable end of the journal.
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
  /** From the start of the store to the first pass, and from the end of one to the next. Infinity: none by itself. */
  readonly firstMs: number
  readonly everyMs: number
  readonly bytesPerSecond: number
}

export const SCRUB_TIMES: ScrubTimes = { firstMs: 2000, everyMs: 86_400_000, bytesPerSecond: 4 * 1024 * 1024 }

/** About half a millisecond of work. */
const BLOCK_BYTES = 64 * 1024
/** A segment in which a listing found damage is looked at sooner and faster: somebody is about to ask what it was. */
const HURRY = 8
/** What a listing found in a segment is looked into at most this often. */
const AGAIN_MS = 60_000
/** Copies of damaged segments that are kept at most: a disk that fails everywhere must not be filled with them. */
const MOST_COPIES = 16

export interface ScrubOptions extends Pick<StartOptions, 'fileSystem' | 'directory' | 'clock'> {
  readonly log: Logger
  readonly damage: Damage
  readonly times: ScrubTimes
  /** The journal as it is now. */
  readonly chain: () => ChainOptions
  /** Called where a snapshot is damaged: another one is needed. */
  readonly onDamagedSnapshot: () => void
  /** Writes down again which segment is the oldest. */
  readonly keepOldest: () => Promise<void>
}

export interface Scrub {
  /** Looks into one segment soon. */
  examine(sequence: number): void
  /** Makes a whole pass now; resolves when it is done. */
  pass(): Promise<void>
  close(): Promise<void>
}

const STOPPED = new Error('the store is closed')

export function createScrub(options: ScrubOptions): Scrub {
  const { log, times } = options
  const examined = new Map<number, number>()
  const asked = new Set<number>()
  let running: Promise<void> = Promise.resolve()
  let isStopped = false
  /** Ends the pause that is under way. */
  let wake = (): void => {}
  let timer: NodeJS.Timeout | undefined

  async function pause(bytesPerSecond: number): Promise<void> {
    // `close` has ended the pause that was under way, and ends no later one.
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

  /** One after the other. A pass that cannot be made is made the next time. */
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
    // The journal goes on meanwhile, so each part is looked up again.
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
      if (asked.has(sequence) || options.damage.has(path)) return
      if (nowMs - (examined.get(sequence) ?? Number.NEGATIVE_INFINITY) < AGAIN_MS) return
      for (const [one, ms] of examined) if (nowMs - ms >= AGAIN_MS) examined.delete(one)
      asked.add(sequence)
      void enqueue(async () => {
        asked.delete(sequence)
        examined.set(sequence, performance.now())
        await examineSegment(options, sequence, paceOf(HURRY))
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

/** What one segment was found to hold. */
interface Examined {
  readonly extent: Extent
  readonly attempts: number
  readonly corrupt: number
  readonly lost: number
  /** What is wrong, in words; undefined where nothing is. */
  readonly reason: string | undefined
}

/**
 * Verifies a segment, together with those beside it of which only all together it is known how many attempts they should hold. Answers
 * which ones these were.
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
    // Retention has removed it meanwhile, and all before it.
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

/** Undefined where it left while it was read. */
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

/** Reports what the group misses for the segment that is missing, cut short or damaged; else for the last one. */
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
      if (isFirst && one.reason !== 'it is missing') await copyAside(options, path, MOST_COPIES)
    }
  }
}

/** Answers the paths of those that are damaged. */
async function verifySnapshots(options: ScrubOptions, pace: Pace): Promise<string[]> {
  const { damage, directory, onDamagedSnapshot } = options
  const damaged: string[] = []
  for (const sequence of await listSnapshots(options)) {
    const path = snapshotPath(directory, sequence)
    const reason = await verifySnapshot(options, sequence, pace).catch(error => {
      // It left: newer ones took its place.
      if (errorCode(error) === 'ENOENT') return undefined
      throw error
    })
    if (reason === undefined) continue
    damaged.push(path)
    const isFirst = !damage.has(path)
    damage.report({ path, reason, corrupt: 0, lost: 0, missing: 0 })
    if (!isFirst) continue
    await copyAside(options, path, MOST_COPIES)
    onDamagedSnapshot()
  }
  return damaged
}

async function verifyOldest(options: ScrubOptions): Promise<void> {
  const { damage, directory, keepOldest } = options
  const path = oldestPath(directory)
  const read = await readOldest(options)
  if (typeof read !== 'string') return damage.clear(path)
  if (read === 'damaged') await copyAside(options, path, MOST_COPIES)
  damage.report({ path, reason: `it is ${read}, and was written again`, corrupt: 0, lost: 0, missing: 0 })
  await keepOldest()
}
