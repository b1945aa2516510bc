/** Snapshots in PostgreSQL. A snapshot becomes visible when all of its parts are stored. */
import type { CapturedSnapshot, Position, StoredSnapshot } from '../../core/log.ts'
import type { Gone, SharedSnapshots } from '../shared/groups.ts'
import { sequenceOf } from '../shared/position.ts'
import { blocksOf, partsOf } from '../shared/snapshot-parts.ts'
import type { Connection } from './connection.ts'

export function createSnapshotTable(
  { query }: Connection,
  schema: string,
  whyGone: (position: Position) => Promise<Gone | undefined>,
): SharedSnapshots {
  async function part(id: string, index: number): Promise<Uint8Array | undefined> {
    const [row] = await query<{ body: Uint8Array }>(
      `select body from ${schema}.snapshot_parts where snapshot = $1 and part = $2`,
      [id, index],
    )
    return row?.body
  }

  async function store(id: string, snapshot: CapturedSnapshot): Promise<number> {
    let index = 0
    let bytes = 0
    for await (const body of partsOf(snapshot)) {
      await query(`insert into ${schema}.snapshot_parts values ($1, $2, $3)`, [id, index++, Buffer.from(body)])
      bytes += body.length
    }
    await query(`update ${schema}.snapshots set complete = true where id = $1`, [id])
    return bytes
  }

  return {
    async list() {
      const rows = await query<{ id: string; seq: string; chain: string; blocks: CapturedSnapshot['blocks'] }>(
        `select id, seq, chain, blocks from ${schema}.snapshots where complete order by seq desc, id desc`,
      )
      const found: StoredSnapshot[] = []
      for (const { id, seq, chain, blocks } of rows) {
        const position = `${seq}:${chain}`
        if ((await whyGone(position)) === undefined)
          found.push({ position, blocks: () => blocksOf(blocks, index => part(id, index)) })
      }
      return found
    },
    async put(snapshot) {
      const { position } = snapshot
      const chain = position.slice(position.indexOf(':') + 1)
      const [row] = await query<{ id: string }>(
        `insert into ${schema}.snapshots (seq, chain, blocks) values ($1, $2, $3) returning id`,
        [sequenceOf(position), chain, JSON.stringify(snapshot.blocks)],
      )
      try {
        const bytes = await store(row!.id, snapshot)
        await query(`delete from ${schema}.snapshots where complete and id not in
          (select id from ${schema}.snapshots where complete order by seq desc, id desc limit 2)
          or not complete and begun_at < now() - interval '1 hour'`)
        return bytes
      } catch (error) {
        await query(`delete from ${schema}.snapshots where id = $1`, [row!.id]).catch(() => undefined)
        throw error
      }
    },
  }
}
