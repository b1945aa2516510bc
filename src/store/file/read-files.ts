/** Folds the files of a store into a tally, and changes none of them. */
import { createDedupWindow } from '../../core/aggregate/dedup-window.ts'
import { createSeries, MAX_SERIES } from '../../core/aggregate/series.ts'
import type { Tally } from '../../core/aggregate/tally.ts'
import { createAlertsState } from '../../core/alerts/lifecycle.ts'
import { apply, type FoldState, type Limits, type LogRecord } from '../../core/fold.ts'
import { type Log, type StoredSnapshot, UnfinishedCopy } from '../../core/log.ts'
import { type DocumentContent, recordsOf } from '../document/content.ts'
import { foldGroup } from '../engine/fold-group.ts'
import { type Restored, restoreState } from '../engine/restore.ts'
import { adoptable, contentOf, coveringDocument } from './adoption.ts'
import { UnreadableStore } from './errors.ts'
import type { FoundDocument } from './found-document.ts'
import { FIRST_MARK, printMark, readMark } from './journal/mark.ts'
import { FIRST } from './journal/oldest.ts'
import { isBefore } from './journal/position.ts'
import { type ReadReport, reachOf, readGroups } from './journal/read-groups.ts'
import { readOpening, segmentPath } from './journal/segments.ts'
import { type ReadFork, readForks } from './recovery/merge-forks.ts'
import { createNovelty } from './recovery/novelty.ts'
import { type RecoveredJournal, recoverJournal, refuseNewer, type StartOptions } from './recovery/start.ts'
import { snapshotBlocks, snapshotPath } from './snapshot/snapshot-files.ts'

export interface ReadFiles {
  /** With the limits that the store counts within. */
  readonly start: StartOptions
  readonly state: FoldState
  readonly recovered: RecoveredJournal
  /** Records of forks, which count after those of the journal. */
  readonly forked: readonly LogRecord[]
  /** The document, if it is read instead of a journal. */
  readonly content: DocumentContent | undefined
}

const DATA_ERROR = 65

export type ReadableLog = Pick<Log, 'info' | 'read' | 'reach' | 'snapshots' | 'leaveOut'>

/** `tally` is empty. Adds a sentence to `faults` for each damage. Throws UnreadableStore if nothing can be read. */
export async function readFiles(settings: StartOptions, tally: Tally, faults: string[]): Promise<ReadFiles> {
  const document = await refuseNewer(settings)
  const recovered = await recoverJournal(settings, document)
  refuseUnreadable(settings.path, document, recovered)
  const start = { ...settings, limits: await limitsOf(settings, recovered) }
  const { idWindow, idWindowAgeMs } = start.limits
  const state: FoldState = {
    tally,
    series: createSeries({ limit: MAX_SERIES, keepMs: idWindowAgeMs }),
    alerts: createAlertsState(),
    ids: createDedupWindow({ limit: idWindow, keepMs: idWindowAgeMs, seed: [1, 2] }),
  }
  const parsed = await adoptable(start, document, recovered)
  if (parsed !== undefined) {
    const content = await contentOf(start.path, parsed, start.log)
    for (const record of recordsOf(content, start.clock())) apply(state, record)
    return { start, state, recovered, content, forked: [] }
  }
  const { dropped, forked } = await foldJournal(start, recovered, state, faults)
  if (dropped !== undefined) faults.push(dropped)
  faults.push(...documentFaults(start, document, recovered))
  return { start, state, recovered, content: undefined, forked }
}

/** The limits that the newest segment states. */
async function limitsOf(start: StartOptions, { segments }: RecoveredJournal): Promise<Limits> {
  const newest = [...segments.keys()].at(-1)
  const opened = newest === undefined ? undefined : await readOpening(start, newest)
  return opened?.opening.limits ?? start.limits
}

/** Without the document, an answer would state that there are no attempts. */
function refuseUnreadable(
  path: string,
  document: FoundDocument,
  { segments, snapshots, damagedSnapshots }: RecoveredJournal,
): void {
  if (document.kind !== 'damaged' || segments.size + snapshots.length + damagedSnapshots.length > 0) return
  throw new UnreadableStore(path, `the file is damaged: ${document.reason}`, { exitCode: DATA_ERROR })
}

async function foldJournal(
  start: StartOptions,
  recovered: RecoveredJournal,
  state: FoldState,
  faults: string[],
): Promise<Restored & Pick<ReadFiles, 'forked'>> {
  const log = openToRead(start, recovered, faults)
  const restored = await restoreState({
    log,
    state,
    clock: start.clock,
    logger: start.log,
    hadSnapshot: recovered.damagedSnapshots.length > 0,
    keepTiers: true,
    document: () => coveringDocument(start),
  })
  for await (const group of log.read(restored.position)) foldGroup(log, state, group)
  if (state.isCopying === true) throw new UnfinishedCopy()
  const noveltyOf = createNovelty(state)
  const forks = await readForks(start, recovered.forks, record => {
    const novelty = noveltyOf(record)
    if (novelty === 'new') apply(state, record)
    return novelty
  })
  faults.push(...forks.map(fork => forkFault(start, fork)))
  return { ...restored, forked: forks.flatMap(({ records }) => records) }
}

/** The log as its files are now. */
export function openToRead(start: StartOptions, recovered: RecoveredJournal, faults: string[]): ReadableLog {
  const { directory, limits } = start
  const { segments, snapshots, end, records, resetAt } = recovered
  const damaged = new Map<number, number>()
  const pathOf = (sequence: number): string => segmentPath(directory, sequence)
  const snapshotFault = (sequence: number, reason: string): number =>
    faults.push(`${snapshotPath(directory, sequence)} is damaged and was not used: ${reason}`)
  for (const { sequence, reason } of recovered.damagedSnapshots) snapshotFault(sequence, reason)
  const report: ReadReport = {
    async damaged(sequence, lines) {
      if (lines <= (damaged.get(sequence) ?? 0)) return
      damaged.set(sequence, lines)
      faults.push(`${pathOf(sequence)} is damaged: ${lines} of its lines could not be read as they are`)
    },
    missing({ segment, offset }) {
      faults.push(`${pathOf(segment)} is missing, or shorter than ${offset} bytes: it is not counted whole`)
    },
  }
  const options = { ...start, journal: { segments, oldest: FIRST }, end: { ...end, records, resetAt }, report }
  return {
    info: { id: undefined, writer: '', start: printMark(FIRST_MARK), seed: [1, 2], limits, resendBytes: 0 },
    read: (after, until) => readGroups(options, readMark(after), until === undefined ? undefined : readMark(until)),
    reach: () => reachOf({ ...start, segments: segments.keys(), resetAt, isNew: recovered.hasOnlyAdopted }),
    snapshots: async () =>
      snapshots
        .filter(({ mark }) => mark.segment >= resetAt)
        .map(
          ({ sequence, mark }): StoredSnapshot => ({
            position: printMark(mark),
            blocks: () => snapshotBlocks(start, sequence),
            setAside: async reason => void snapshotFault(sequence, reason),
          }),
        ),
    leaveOut() {},
  }
}

function forkFault({ directory }: StartOptions, { sequence, beside, records }: ReadFork): string {
  const [one, other] = [segmentPath(directory, sequence), segmentPath(directory, beside)]
  return `two processes wrote ${one} and ${other} at the same time: ${records.length} records are counted, and listed after the next start of a sidecar`
}

function documentFaults(
  { path, directory }: StartOptions,
  document: FoundDocument,
  { end }: RecoveredJournal,
): string[] {
  if (document.kind === 'damaged') return [`${path} is damaged and was not used: ${document.reason}`]
  if (document.kind === 'foreign')
    return [`another program wrote ${path}: it was not used, since the journal ${directory} goes on without it`]
  if (document.kind === 'ours' && isBefore(end, document.position))
    return [`${path} counts more than the journal ${directory} holds: the end of the journal is missing`]
  return []
}
