/** Folds the log behind a position: what this writer appended from memory, all else as it is read. The state is always that of one position. */
import type { FoldState } from '../../core/fold.ts'
import { type Kept, type KeptGroup, type Log, LogDiverged, LogTruncated, type Position } from '../../core/log.ts'
import type { EventPublisher } from '../events.ts'
import type { Logger } from '../logger.ts'
import { foldGroup } from './fold-group.ts'

/** A group of this writer that is durable and not folded yet. */
export interface OwnGroup {
  readonly number: number
  /** Folds it from memory, at its place. */
  fold(position: Position): void
}

export interface FollowerOptions {
  readonly log: Log
  readonly state: FoldState
  readonly position: Position
  readonly logger: Logger
  readonly events: EventPublisher
  /** Whether this sidecar took the records of a writer. */
  readonly isOwn: (writer: string) => boolean
  /** Replaces the state by that of the newest snapshot that can be read; answers its position. */
  readonly reload: () => Promise<Position>
  /** Called after every group that was folded, with its size in bytes, about. */
  readonly onFolded: (bytes: number) => void
}

export interface Follower {
  /** The position up to which all is folded. */
  readonly position: Position
  /** Records that were read and counted. */
  readonly readRecords: number
  isNext(kept: Kept): boolean
  /** Folds a group of this writer from memory where it is the next. */
  take(own: OwnGroup, kept: Kept, bytes: number): void
  /** Another position that has the same groups before it. */
  moveTo(position: Position): void
  /** Folds all there is; true where `own` was met. Rejects where the log cannot be read. */
  catchUp(own?: OwnGroup): Promise<boolean>
}

/** What a record takes in the log, about. */
const RECORD_BYTES = 250

export function createFollower(options: FollowerOptions): Follower {
  const { log, state, logger, events, isOwn, reload, onFolded } = options
  let { position } = options
  let readRecords = 0

  function foldRead(group: KeptGroup, isPublished: boolean): void {
    const counted = foldGroup(log, state, group)
    for (const { kind } of counted) if (kind !== 'reset') readRecords++
    onFolded(group.records.length * RECORD_BYTES)
    if (isPublished && counted.length > 0) events.publish({ own: isOwn(group.writer), records: () => counted })
  }

  /** Reads on until there is no more. Calls `meet` for a group of this writer, which says whether it folded it from memory. */
  async function readOn(meet: (group: KeptGroup) => boolean, isPublished: boolean): Promise<void> {
    for await (const group of log.read(position)) {
      if (group.after !== position)
        throw new LogDiverged(`the log goes on behind ${group.after} instead of ${position}`)
      if (group.writer !== log.info.writer || !meet(group)) foldRead(group, isPublished)
      position = group.position
    }
  }

  async function reloadAfter(error: unknown): Promise<void> {
    if (!(error instanceof LogDiverged || error instanceof LogTruncated)) throw error
    logger.error('the log does not continue what was read of it: state is read again from a snapshot', {
      error: error.message,
      position,
    })
    const before = position
    position = await reload()
    if (position === before) throw new Error(`the log cannot be read behind ${position}: ${error.message}`)
  }

  return {
    get position() {
      return position
    },
    get readRecords() {
      return readRecords
    },
    isNext: kept => kept.after === position,
    take(own, kept, bytes) {
      own.fold(kept.position)
      position = kept.position
      onFolded(bytes)
    },
    moveTo(other) {
      position = other
    },
    async catchUp(own) {
      let waiting = own
      let isReloaded = false
      // Once: a group that was folded before a reload is folded again as it is read.
      function meet({ number, position }: KeptGroup): boolean {
        if (waiting === undefined || number !== waiting.number) return false
        waiting.fold(position)
        waiting = undefined
        return true
      }
      for (;;) {
        try {
          await readOn(meet, !isReloaded)
          if (isReloaded) events.publishReload()
          return own !== undefined && waiting === undefined
        } catch (error) {
          await reloadAfter(error)
          isReloaded = true
        }
      }
    },
  }
}
