/**
 * Folds the log after a position. Groups of this writer are folded from memory, all others as they are read. The state always corresponds
 * to a single position.
 */
import type { FoldState } from '../../core/fold.ts'
import {
  type Kept,
  type KeptGroup,
  type Log,
  LogDiverged,
  LogTruncated,
  type Position,
  UnfinishedCopy,
} from '../../core/log.ts'
import type { EventPublisher } from '../events.ts'
import type { Logger } from '../logger.ts'
import { foldGroup } from './fold-group.ts'

/** A group of this writer that is durable and not folded yet. */
export interface OwnGroup {
  readonly number: number
  /** Folds it from memory, at its position in the log. */
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
  /** Replaces the state by that of the newest readable snapshot. Resolves with its position. */
  readonly reload: () => Promise<Position>
  /** Called after every folded group, with its approximate size in bytes. */
  readonly onFolded: (bytes: number) => void
}

export interface Follower {
  /** The position of the latest folded group. */
  readonly position: Position
  /** Records that were read and counted. */
  readonly readRecords: number
  isNext(kept: Kept): boolean
  /** Folds a group of this writer from memory. It must be the next group. */
  take(own: OwnGroup, kept: Kept, bytes: number): void
  /** Another position that has the same groups before it. */
  moveTo(position: Position): void
  /** Folds up to the end of the log. Resolves with true if `own` was folded on the way. Rejects if the log cannot be read. */
  catchUp(own?: OwnGroup): Promise<boolean>
}

/** The approximate size of a record in the log. */
const RECORD_BYTES = 250

export function createFollower(options: FollowerOptions): Follower {
  const { log, state, logger, events, isOwn, reload, onFolded } = options
  let { position } = options
  let readRecords = 0
  let hasCaughtUp = false

  function foldRead(group: KeptGroup, isPublished: boolean): void {
    const counted = foldGroup(log, state, group)
    for (const { kind } of counted) if (kind !== 'reset') readRecords++
    onFolded(group.records.length * RECORD_BYTES)
    if (isPublished && counted.length > 0) events.publish({ own: isOwn(group.writer), records: () => counted })
  }

  /** Reads up to the end of the log. Calls `meet` for each group of this writer. `meet` returns true if it folded the group from memory. */
  async function readOn(meet: (group: KeptGroup) => boolean, isPublished: boolean): Promise<void> {
    for await (const group of log.read(position)) {
      if (group.after !== position)
        throw new LogDiverged(`the next group follows ${group.after} instead of ${position}`)
      if (group.writer !== log.info.writer || !meet(group)) {
        // The copied state is in a snapshot, which only a start reads.
        if (hasCaughtUp && group.records[0]?.kind === 'copy') throw new UnfinishedCopy()
        foldRead(group, isPublished)
      }
      position = group.position
    }
    if (state.isCopying === true) throw new UnfinishedCopy()
    hasCaughtUp = true
  }

  async function reloadAfter(error: unknown): Promise<void> {
    if (!(error instanceof LogDiverged || error instanceof LogTruncated)) throw error
    logger.error('the log no longer continues from the last position: the state is restored from a snapshot', {
      error: error.message,
      position,
    })
    const before = position
    position = await reload()
    if (position === before) throw new Error(`the log cannot be read after ${position}: ${error.message}`)
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
      // Folds `own` from memory only once. After a reload it is folded again as it is read.
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
