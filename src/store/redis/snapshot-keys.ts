/** Snapshots in Redis: a hash of parts each, and a sorted set of those that are complete. */
import { randomUUID } from 'node:crypto'
import type { CapturedSnapshot, Position, StoredSnapshot } from '../../core/log.ts'
import type { Gone, SharedSnapshots } from '../shared/groups.ts'
import { sequenceOf } from '../shared/position.ts'
import { blocksOf, partsOf } from '../shared/snapshot-parts.ts'
import type { Connection } from './connection.ts'
import type { Keys } from './target.ts'

export interface SnapshotKeys extends SharedSnapshots {
  /** The sequence that the second newest snapshot covers. 0 without one. */
  covered(): Promise<number>
}

/** A snapshot that is not complete is deleted after this time. */
const UNFINISHED_SECONDS = '3600'

export function createSnapshotKeys(
  { send, sendForBytes }: Connection,
  keys: Keys,
  whyGone: (position: Position) => Promise<Gone | undefined>,
): SnapshotKeys {
  async function part(id: string, index: number): Promise<Uint8Array | undefined> {
    return (await sendForBytes<Buffer | null>('HGET', keys.snapshot(id), String(index))) ?? undefined
  }

  /** Newest first. */
  const ids = (): Promise<string[]> => send('ZRANGE', keys.snapshots, '0', '-1', 'REV')

  async function dropOld(): Promise<void> {
    for (const id of (await ids()).slice(2)) {
      await send('ZREM', keys.snapshots, id)
      await send('UNLINK', keys.snapshot(id))
    }
  }

  return {
    async list() {
      const found: StoredSnapshot[] = []
      for (const id of await ids()) {
        const [position, blocks] = await send<(string | null)[]>('HMGET', keys.snapshot(id), 'position', 'blocks')
        if (position == null || blocks == null || (await whyGone(position)) !== undefined) continue
        const parsed = JSON.parse(blocks) as CapturedSnapshot['blocks']
        found.push({ position, blocks: () => blocksOf(parsed, index => part(id, index)) })
      }
      return found
    },
    async put(snapshot) {
      const { position } = snapshot
      const id = `${sequenceOf(position)}-${randomUUID()}`
      const key = keys.snapshot(id)
      let index = 0
      let bytes = 0
      await send('HSET', key, 'position', position, 'blocks', JSON.stringify(snapshot.blocks))
      await send('EXPIRE', key, UNFINISHED_SECONDS)
      for await (const body of partsOf(snapshot)) {
        await send('HSET', key, String(index++), Buffer.from(body))
        bytes += body.length
      }
      await send('PERSIST', key)
      await send('ZADD', keys.snapshots, String(sequenceOf(position)), id)
      await dropOld()
      return bytes
    },
    async covered() {
      const second = (await ids())[1]
      return second === undefined ? 0 : Number.parseInt(second, 10)
    },
  }
}
