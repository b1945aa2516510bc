/**
 * What a store finds when it starts. First everything is read and nothing changed, so that a start that fails leaves all as it was;
 * then what is damaged is moved aside.
 */
import { randomBytes } from 'node:crypto'
import { createDedupWindow, type DedupWindow, type DedupWindowOptions } from '../../../core/aggregate/dedup-window.ts'
import type { Series } from '../../../core/aggregate/series.ts'
import type { Tally } from '../../../core/aggregate/tally.ts'
import type { Clock } from '../../../core/ports.ts'
import { runYieldingAlone } from '../../../lib/event-loop.ts'
import type { Logger } from '../../logger.ts'
import type { SchemaChange } from '../../snapshot/schema.ts'
import { type Adoption, adopt } from '../document/adopt.ts'
import { type DocumentState, inspectDocument, parseDocument } from '../document/document.ts'
import { isBefore, ORIGIN, type Position } from '../journal/position.ts'
import { type JournalFiles, listSegments, readOpening, readOpenings } from '../journal/segments.ts'
import { listSnapshots, refuseNewerSnapshot } from '../snapshot/snapshot-files.ts'
import type { Openings } from './forks.ts'
import { type ReplayResult, replay } from './replay.ts'
import { changeOf, droppedText, recountAll } from './schema-restore.ts'
import { type RestoredTiers, recountBefore, restoreSnapshot } from './tier-restore.ts'

export interface StartOptions extends JournalFiles {
  /** The document's path. */
  readonly path: string
  readonly tally: Tally
  /** Empty, as the tally is. */
  readonly series: Series
  /** Empty too. */
  readonly alerts: Map<string, number>
  readonly clock: Clock
  /** A random name of this opening of the store. */
  readonly owner: string
  readonly idOptions: Omit<DedupWindowOptions, 'seed'>
  /** Go on with the tiers that the store was left with, whatever those of the tally: for one who only reads. */
  readonly keepTiers?: boolean | undefined
  readonly log: Logger
}

/** What was found, and counted into the tally. */
export interface Found {
  readonly ids: DedupWindow
  /** A large one is not checked to be whole where there is a snapshot: nothing depends on it then. */
  readonly document: DocumentState
  /** The newest good snapshot. */
  readonly snapshot: { readonly sequence: number; readonly position: Position } | undefined
  readonly lastSnapshot: number
  readonly damagedSnapshots: readonly { readonly sequence: number; readonly reason: string }[]
  /** Sizes by sequence number, oldest first. */
  readonly segments: Map<number, number>
  readonly replayed: ReplayResult
  readonly resetAt: number
  /** Set where the document was taken in as the baseline, and what stands in the journal does not matter. */
  readonly adoption: Adoption | undefined
  /** What to log where settings are others than those of the snapshot, which another must follow then. */
  readonly changes?: readonly string[]
  /** One of them: what a snapshot of another schema held and was dropped. */
  readonly dropped?: string | undefined
}

/** A start need not wait until more than this was read, only to know that it is what was written. */
const TRUSTED_BYTES = 4 * 1024 * 1024

/**
 * Answers what stands at the path; a large document that says it is ours is not checked yet. Throws NewerFormat where a newer version wrote any
 * of what it left last.
 */
export async function refuseNewer(
  options: Pick<StartOptions, 'fileSystem' | 'path' | 'directory'>,
  { known, hasJournal = true }: { readonly known?: DocumentState | undefined; readonly hasJournal?: boolean } = {},
): Promise<DocumentState> {
  const document = await inspectDocument(options.fileSystem, options.path, { trustedBytes: TRUSTED_BYTES, known })
  if (!hasJournal) return document
  for (const sequence of await listSnapshots(options)) await refuseNewerSnapshot(options, sequence)
  const newest = [...(await listSegments(options)).keys()].at(-1)
  if (newest !== undefined) await readOpening(options, newest)
  return document
}

/** Reads all there is into the empty tally. */
export async function find(options: StartOptions, document: DocumentState): Promise<Found> {
  const segments = await listSegments(options)
  const snapshots = await listSnapshots(options)
  const damagedSnapshots: { sequence: number; reason: string }[] = []
  const common = { document, segments, lastSnapshot: snapshots.at(-1) ?? 0, damagedSnapshots }
  for (const sequence of snapshots.reverse()) {
    const restored = await restoreSnapshot(options, sequence, segments)
    if (typeof restored === 'string') {
      damagedSnapshots.push({ sequence, reason: restored })
      continue
    }
    const { ids, position, schemaChange } = restored
    for (const [alert, sinceMs] of restored.alerts) options.alerts.set(alert, sinceMs)
    const snapshot = { sequence, position }
    const recounted = schemaChange && (await recountForSchema(options, segments, snapshot, restored, schemaChange))
    if (recounted !== undefined) return { ...common, ...recounted, snapshot }
    const dropped = schemaChange && droppedText(schemaChange)
    const changes = dropped === undefined ? restored.changes : [...restored.changes, dropped]
    // Without what else the mark says: the place goes into the document as it is.
    const from: Position = { segment: position.segment, offset: position.offset }
    const replayed = await replay({
      ...options,
      segments,
      from,
      countFrom: from,
      records: position.records,
      state: { tally: options.tally, series: options.series, ids, alerts: options.alerts },
      resetAt: position.resetAt,
    })
    const resetAt = replayed.resetAt ?? position.resetAt
    return { ...common, ids, snapshot, replayed, resetAt, adoption: undefined, changes, dropped }
  }
  const checked = {
    ...common,
    document: document.kind === 'ours' ? await inspectDocument(options.fileSystem, options.path) : document,
  }
  return { ...checked, ...(await findWithoutSnapshot(options, checked)) }
}

/** Counts the journal again where it holds everything; else restores the snapshot again, without what it cannot say. */
async function recountForSchema(
  options: StartOptions,
  segments: ReadonlyMap<number, number>,
  { sequence }: { readonly sequence: number },
  { ids, savedTiers }: RestoredTiers,
  change: SchemaChange,
): Promise<Pick<Found, 'ids' | 'replayed' | 'resetAt' | 'adoption' | 'changes'> | undefined> {
  if (!reachesBack(await readOpenings(options, segments))) return undefined
  options.log.info(`${changeOf(change)}: the journal is counted again, which takes a while where it is long`)
  const tiers = options.keepTiers === true ? savedTiers : undefined
  const recounted = await recountAll({ ...options, segments, seed: ids.save(0, 0).seed, tiers })
  if (recounted === undefined) {
    await restoreSnapshot(options, sequence, segments)
    return undefined
  }
  const changes = [`${changeOf(change)}: everything was counted again from the journal`]
  return { ...recounted, resetAt: recounted.replayed.resetAt ?? 0, adoption: undefined, changes }
}

type Rest = Pick<Found, 'ids' | 'snapshot' | 'replayed' | 'resetAt' | 'adoption'>

/** Counts the whole journal where it is all there; else the document, and what the journal holds behind it. */
async function findWithoutSnapshot(
  options: StartOptions,
  { document, segments, damagedSnapshots }: Pick<Found, 'document' | 'segments' | 'damagedSnapshots'>,
): Promise<Rest> {
  const { idOptions, log } = options
  const random = randomBytes(8)
  const ids = createDedupWindow({ ...idOptions, seed: [random.readUInt32LE(0), random.readUInt32LE(4)] })
  const { tally, series, alerts } = options
  const state = { tally, series, alerts, ids }
  const openings = await readOpenings(options, segments)
  const wereSnapshots = damagedSnapshots.length > 0
  if (document.kind !== 'damaged' && document.kind !== 'missing' && !wereSnapshots && holdsNothing(openings)) {
    return {
      ids,
      snapshot: undefined,
      replayed: NOTHING,
      resetAt: 0,
      adoption: await countDocument(options, document),
    }
  }
  const isWhole = reachesBack(openings)
  const isFresh = openings.size === 0 && !wereSnapshots
  let countFrom = ORIGIN
  if (isWhole) {
    if (wereSnapshots) log.error('no snapshot can be read: the whole journal was counted again')
  } else if (document.kind === 'ours') {
    countFrom = document.position
    await countDocument(options, document)
    log.error('no snapshot can be read: the document was counted, and the journal behind it')
  } else if (!isFresh) log.error('no snapshot can be read, nor the document: what the journal still holds was counted')
  if (!isWhole && !isFresh) await recountBefore(options, segments, countFrom)
  const replayed = await replay({ ...options, segments, from: ORIGIN, countFrom, records: 0, state })
  const end = isBefore(replayed.end, countFrom) ? countFrom : replayed.end
  return {
    ids,
    snapshot: undefined,
    replayed: { ...replayed, end },
    resetAt: replayed.resetAt ?? 0,
    adoption: undefined,
  }
}

const NOTHING: ReplayResult = {
  end: ORIGIN,
  records: 0,
  total: 0,
  damaged: new Map(),
  torn: [],
  missing: [],
  resetAt: undefined,
  forks: [],
}

/** Nothing was ever acknowledged: at most an adoption was begun and not finished, which its snapshot does. */
function holdsNothing(openings: Openings): boolean {
  const [first, ...rest] = openings.values()
  if (openings.size === 0) return true
  return first?.opening.adopted === true && rest.every(one => one === undefined || one.opening.adopted)
}

/** Whether the journal holds all that was ever counted, or all since a reset. */
function reachesBack(openings: Openings): boolean {
  for (const [sequence, opened] of openings) {
    if (opened?.reset === true) return true
    const isFirst = opened === undefined ? sequence === 1 : opened.opening.previous.segment === 0
    if (isFirst && opened?.opening.adopted !== true) return true
  }
  return false
}

async function countDocument(
  { fileSystem, path, tally, series, clock, log }: StartOptions,
  document: DocumentState,
): Promise<Adoption> {
  const known = document.kind === 'foreign' ? document.parsed : undefined
  const parsed = known ?? (await parseDocument(fileSystem, path))
  if (typeof parsed === 'string') throw new Error(`${path} changed while it was read`)
  const adoption = await runYieldingAlone(adopt(parsed, tally, clock()))
  // The document does not say what each series had counted, and that may be in its totals.
  if (adoption.entries > 0) series.forget(clock())
  for (const one of adoption.damaged)
    log.error('part of the document is damaged and was not taken in', { path, ...one })
  return adoption
}
