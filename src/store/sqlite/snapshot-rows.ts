/** Snapshots in the tables `snapshots` and `snapshot_parts`, in the worker thread. */
import type { Position } from '../../core/log.ts'
import { sequenceOf } from '../shared/position.ts'
import type { GroupTable } from './groups.ts'
import type { Statements } from './statements.ts'

export interface SnapshotRow {
  readonly id: number
  readonly position: Position
  /** JSON. */
  readonly blocks: string
}

export interface SnapshotRows {
  /** Complete snapshots at positions that the log still continues, newest first. */
  snapshots(): SnapshotRow[]
  /** Returns the id of a snapshot that is not complete yet. */
  beginSnapshot(position: Position, blocks: string, nowMs: number): number
  addSnapshotPart(snapshot: number, part: number, body: Uint8Array): void
  /** Makes the snapshot visible, and deletes all but the two newest. */
  completeSnapshot(snapshot: number): void
  deleteSnapshot(snapshot: number): void
  /** Undefined behind the last part. */
  snapshotPart(snapshot: number, part: number): Uint8Array | undefined
}

/** A snapshot that is not complete after this time was abandoned by its writer. */
const ABANDONED_MS = 3_600_000

export function createSnapshotRows(
  { get, all, run, inTransaction }: Statements,
  whyGone: GroupTable['whyGone'],
): SnapshotRows {
  return {
    snapshots() {
      const rows = all<SnapshotRow>(
        'select id, position, blocks from snapshots where complete = 1 order by sequence desc, id desc',
      )
      return rows.filter(({ position }) => whyGone(position) === undefined)
    },
    beginSnapshot(position, blocks, nowMs) {
      run('delete from snapshots where complete = 0 and begun_ms < ?', nowMs - ABANDONED_MS)
      const sql = 'insert into snapshots (position, sequence, blocks, begun_ms, complete) values (?, ?, ?, ?, 0)'
      return run(sql, position, sequenceOf(position), blocks, nowMs)
    },
    addSnapshotPart(snapshot, part, body) {
      run('insert into snapshot_parts values (?, ?, ?)', snapshot, part, body)
    },
    completeSnapshot(snapshot) {
      inTransaction(() => {
        run('update snapshots set complete = 1 where id = ?', snapshot)
        run(
          `delete from snapshots where complete = 1
           and id not in (select id from snapshots where complete = 1 order by sequence desc, id desc limit 2)`,
        )
      })
    },
    deleteSnapshot(snapshot) {
      run('delete from snapshots where id = ?', snapshot)
    },
    snapshotPart: (snapshot, part) =>
      get<{ body: Uint8Array }>('select body from snapshot_parts where snapshot = ? and part = ?', snapshot, part)
        ?.body,
  }
}
