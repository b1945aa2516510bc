/** The groups of the stream. */
import { type Group, type Kept, LogBehind, LogNotEmpty, LogRefused, mustBeFirst } from '../../core/log.ts'
import type { Clock } from '../../core/ports.ts'
import { messageOf } from '../messages.ts'
import { type ReadGroup as AnyReadGroup, READ_GROUPS, type SharedGroups, whyGone } from '../shared/groups.ts'
import type { StoredGroup } from '../shared/page.ts'
import { sequenceOf } from '../shared/position.ts'
import { Unanswered } from '../shared/server-errors.ts'
import { type Connection, replyOf } from './connection.ts'
import { APPEND } from './scripts.ts'
import type { Keys } from './target.ts'

/** A group as it is read back. */
export interface ReadGroup extends AnyReadGroup {
  readonly sequence: number
  /** Milliseconds since the epoch, by the writer's clock. */
  readonly keptMs: number
}

export interface Groups extends SharedGroups {
  after(sequence: number): Promise<ReadGroup[]>
}

/** How long replicas may take to receive a group, in milliseconds. */
const REPLICATION_MS = '1000'

type Entry = readonly [id: string, fields: readonly string[]]

export interface GroupsOptions {
  readonly keys: Keys
  /** The identity of the log: a group is not appended to another one. */
  readonly logId: string
  readonly clock: Clock
  /** Replicas that must have a group before it is acknowledged. */
  readonly replicas: number
}

export function createGroups({ send, run }: Connection, { keys, logId, clock, replicas }: GroupsOptions): Groups {
  async function append(writer: string, group: Group): Promise<Kept> {
    const { number, isReset, records } = group
    const bytes = Buffer.from(records.buffer, records.byteOffset, records.byteLength)
    const args = [logId, writer, String(number), flag(isReset), bytes, String(clock()), flag(mustBeFirst(group))]
    const [sequence, chain, before] = await run<string[]>(APPEND, [keys.log, keys.head, keys.writers], ...args).catch(
      (error: unknown) => {
        throw explained(error)
      },
    )
    await replicated()
    return { position: `${sequence}:${chain}`, after: `${Number(sequence) - 1}:${before}` }
  }

  /** Waits until as many replicas as the target asks for have everything that this connection wrote. The group is stored, whatever it says. */
  async function replicated(): Promise<void> {
    if (replicas === 0) return
    const there = await send<number>('WAIT', String(replicas), REPLICATION_MS).catch((error: unknown) => {
      throw new Unanswered(messageOf(error), { cause: error })
    })
    if (there < replicas) throw new Unanswered(`${there} of ${replicas} replicas have the attempts`)
  }

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
    return (await send<Entry[]>('XREVRANGE', keys.log, `${from}-0`, '-', 'COUNT', String(READ_GROUPS))).map(readEntry)
  }

  async function forth(from: number): Promise<ReadGroup[]> {
    return (await send<Entry[]>('XRANGE', keys.log, `${from}-0`, '+', 'COUNT', String(READ_GROUPS))).map(readEntry)
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
    append,
    isRefusal: error => replyOf(error) !== undefined,
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
      const { first, first_chain, last, chain } = await head('first', 'first_chain', 'last', 'chain')
      return whyGone(position, {
        first: Number(first),
        beforeFirst: `${Number(first) - 1}:${first_chain}`,
        last: `${last}:${chain}`,
        found: (await at(sequenceOf(position)))?.position,
      })
    },
    async withText(text, from) {
      for (let at = from; ; ) {
        const groups = await back(at)
        const matching = groups.filter(({ records }) => records.includes(text))
        if (matching.length > 0 || groups.length === 0) return await listed(matching)
        at = groups.at(-1)!.sequence - 1
      }
    },
    async leaveOut(sequence, places) {
      await send('HSET', keys.repeats, String(sequence), places.join(','))
    },
  }
}

const flag = (is: boolean): string => (is ? '1' : '0')

function explained(error: unknown): unknown {
  const reply = replyOf(error)
  const behind = /^BEHIND (\d+)/.exec(reply ?? '')
  if (behind !== null) return new LogBehind(Number(behind[1]))
  if (reply?.startsWith('NOTEMPTY')) return new LogNotEmpty()
  if (reply?.startsWith('REPLACED'))
    return new LogRefused(new Error('the stream was deleted or replaced: restart'), { isFinal: true })
  return error
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
