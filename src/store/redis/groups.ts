/** Reads groups of the stream. */
import type { FoundAttempt, Kept, Position } from '../../core/log.ts'
import { findAttempt } from '../shared/find.ts'
import type { GroupSource, StoredGroup } from '../shared/page.ts'
import { sequenceOf } from '../shared/position.ts'
import type { LogEnds } from '../shared/reach.ts'
import type { Connection } from './connection.ts'
import type { Keys } from './target.ts'

/** A group as it is read back. */
export interface ReadGroup extends Kept {
  readonly sequence: number
  readonly writer: string
  readonly number: number
  /** Milliseconds since the epoch, by the writer's clock. */
  readonly keptMs: number
  readonly records: string
}

/** Why the stream does not continue a position. */
export interface Gone {
  readonly isTruncated: boolean
  readonly detail: string
}

export interface Groups extends GroupSource {
  /** The position of the newest group. */
  end(): Promise<Position>
  ends(): Promise<LogEnds>
  /** The group of a sequence. Undefined if there is none. */
  at(sequence: number): Promise<ReadGroup | undefined>
  /** Some groups behind a sequence, oldest first. */
  after(sequence: number): Promise<ReadGroup[]>
  /** Undefined where the stream continues the position. */
  whyGone(position: Position): Promise<Gone | undefined>
  find(attemptId: string): Promise<FoundAttempt | undefined>
  leaveOut(sequence: number, places: readonly number[]): Promise<void>
}

/** Groups of one read. */
const READ_GROUPS = '50'

type Entry = readonly [id: string, fields: readonly string[]]

export function createGroups({ send }: Connection, keys: Keys): Groups {
  async function listed(groups: readonly ReadGroup[]): Promise<StoredGroup[]> {
    if (groups.length === 0) return []
    const found = await send<(string | null)[]>(
      'HMGET',
      keys.repeats,
      ...groups.map(({ sequence }) => String(sequence)),
    )
    return groups.map(({ sequence, records }, i) => ({
      sequence,
      records,
      repeats: found[i] == null ? [] : found[i].split(',').map(Number),
    }))
  }

  async function back(from: number): Promise<ReadGroup[]> {
    return (await send<Entry[]>('XREVRANGE', keys.log, `${from}-0`, '-', 'COUNT', READ_GROUPS)).map(readEntry)
  }

  async function forth(from: number): Promise<ReadGroup[]> {
    return (await send<Entry[]>('XRANGE', keys.log, `${from}-0`, '+', 'COUNT', READ_GROUPS)).map(readEntry)
  }

  async function at(sequence: number): Promise<ReadGroup | undefined> {
    const [found] = await send<Entry[]>('XRANGE', keys.log, `${sequence}-0`, `${sequence}-0`)
    return found && readEntry(found)
  }

  async function head<Name extends string>(...names: readonly Name[]): Promise<Record<Name, string>> {
    const values = await send<(string | null)[]>('HMGET', keys.head, ...names)
    if (values.includes(null)) throw new Error('the stream is gone: its keys were deleted')
    return Object.fromEntries(names.map((name, i) => [name, values[i]])) as Record<Name, string>
  }

  async function bounds(): Promise<{ first: number; last: number }> {
    const { first, reset_at, last } = await head('first', 'reset_at', 'last')
    return { first: Math.max(Number(first), Number(reset_at) + 1), last: Number(last) }
  }

  return {
    bounds,
    groups: async (from, order) => await listed(order === 'newest' ? await back(from) : await forth(from)),
    async end() {
      const { last, chain } = await head('last', 'chain')
      return `${last}:${chain}`
    },
    async ends() {
      const { first, first_chain, reset_at } = await head('first', 'first_chain', 'reset_at')
      return {
        first: Number(first),
        beforeFirst: `${Number(first) - 1}:${first_chain}`,
        resetAt: Number(reset_at),
      }
    },
    at,
    after: sequence => forth(sequence + 1),
    async whyGone(position) {
      const sequence = sequenceOf(position)
      const { first, first_chain, last, chain } = await head('first', 'first_chain', 'last', 'chain')
      if (position === `${last}:${chain}` || position === `${Number(first) - 1}:${first_chain}`) return undefined
      if (sequence < Number(first))
        return { isTruncated: true, detail: `the groups up to ${Number(first) - 1} have expired` }
      const there = (await at(sequence))?.position
      if (there === position) return undefined
      return { isTruncated: false, detail: `the log has ${there ?? 'no group'} instead of ${position}` }
    },
    find: async attemptId => {
      const text = JSON.stringify(attemptId)
      return await findAttempt(attemptId, await bounds(), async from => {
        for (let at = from; ; ) {
          const groups = await back(at)
          const matching = groups.filter(({ records }) => records.includes(text))
          if (matching.length > 0 || groups.length === 0) return await listed(matching)
          at = groups.at(-1)!.sequence - 1
        }
      })
    },
    async leaveOut(sequence, places) {
      await send('HSET', keys.repeats, String(sequence), places.join(','))
    },
  }
}

function readEntry([id, fields]: Entry): ReadGroup {
  const values = new Map<string, string>()
  for (let i = 0; i + 1 < fields.length; i += 2) values.set(fields[i]!, fields[i + 1]!)
  const sequence = Number.parseInt(id, 10)
  return {
    sequence,
    position: `${sequence}:${values.get('c')}`,
    after: `${sequence - 1}:${values.get('b')}`,
    writer: values.get('w') ?? '',
    number: Number(values.get('n')),
    keptMs: Number(values.get('t')),
    records: values.get('r') ?? '',
  }
}
