/** What an error of a server says about a group, whether the same attempts may be sent again, and how groups are read. */
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type Group, LogRefused } from '../../src/core/log.ts'
import { READ_GROUPS, type ReadGroup, type SharedGroups } from '../../src/store/shared/groups.ts'
import { NotSent, Unanswered } from '../../src/store/shared/server-errors.ts'
import { createSharedLog, type SharedLog, type SharedLogParts } from '../../src/store/shared/shared-log.ts'
import { NOW } from './engine/engines.ts'

const KEPT = { position: '1:a', after: '0:' }
const REFUSAL = new Error('disk full')

const FAILURES = [
  ['without a connection', new NotSent('no connection')],
  ['with an error of the server', REFUSAL],
] as const

let error: Error | undefined
let log: SharedLog

beforeEach(() => {
  error = undefined
  const groups: Pick<SharedGroups, 'append' | 'isRefusal'> = {
    async append() {
      if (error !== undefined) throw error
      return KEPT
    },
    isRefusal: thrown => thrown === REFUSAL,
  }
  log = logOver(groups)
})

function logOver(groups: Partial<SharedGroups>): SharedLog {
  return createSharedLog({
    writer: 'w',
    head: { id: 'log', seed: [1, 2], limits: {} },
    groups,
    snapshots: {},
    clock: () => NOW,
    retention: {},
    pollMs: 100,
    temporaryPath: '',
    close: async () => undefined,
  } as unknown as SharedLogParts)
}

afterEach(() => log.close())

const group = (number: number): Group => ({ number, attempts: 1, records: new Uint8Array(), isReset: false })

/** The outcome of an append while the server does this. */
async function append(number: number, failure?: Error): Promise<'stored' | 'refused' | 'unknown'> {
  error = failure
  try {
    await log.append(group(number))
    return 'stored'
  } catch (thrown) {
    return thrown instanceof LogRefused ? 'refused' : 'unknown'
  }
}

test.for(FAILURES)('%s, a group is refused, but not one that an earlier try may have stored', async ([, failure]) => {
  expect(await append(1, failure)).toBe('refused')
  expect(await append(1, new Unanswered('cut'))).toBe('unknown')
  expect(await append(1, failure)).toBe('unknown')
  expect(await append(1)).toBe('stored')
  expect(await append(2, failure)).toBe('refused')
})

test.for(FAILURES)(
  '%s, an acknowledged group that is sent again is not refused: its attempts count already',
  async ([, failure]) => {
    expect(await append(1)).toBe('stored')
    expect(await append(1, failure)).toBe('unknown')
  },
)

/** A group as a server answers it. Its records cannot be parsed. */
const stored = (sequence: number): ReadGroup => ({
  position: `${sequence}:`,
  after: `${sequence - 1}:`,
  writer: 'w',
  number: sequence,
  records: 'not JSON',
})

const page = (sequence: number, count: number): ReadGroup[] =>
  Array.from({ length: count }, (_, i) => stored(sequence + 1 + i))

test('records are parsed only where they are read: a sidecar folds its own groups from memory', async () => {
  const reader = logOver({ after: async sequence => page(sequence, 1) })
  for await (const one of reader.read('0:')) {
    expect(one.position).toBe('1:')
    expect(() => one.records).toThrow(SyntaxError)
  }
})

test('the next groups are on their way while the last ones are folded', async () => {
  const asked: number[] = []
  const reader = logOver({
    async after(sequence) {
      asked.push(sequence)
      return page(sequence, sequence < 2 * READ_GROUPS ? READ_GROUPS : 3)
    },
  })
  let folded = 0
  for await (const one of reader.read('0:')) {
    folded++
    expect(one.position).toBe(`${folded}:`)
    if (folded === 1) expect(asked).toEqual([0, READ_GROUPS])
  }
  expect(folded).toBe(2 * READ_GROUPS + 3)
  expect(asked).toEqual([0, READ_GROUPS, 2 * READ_GROUPS])
})

test('groups that were read are folded before the failure of the next read is reported', async () => {
  const reader = logOver({
    async after(sequence) {
      if (sequence > 0) throw new Error('gone')
      return page(sequence, READ_GROUPS)
    },
  })
  let folded = 0
  const read = async (): Promise<void> => {
    for await (const _ of reader.read('0:')) folded++
  }
  await expect(read()).rejects.toThrow('gone')
  expect(folded).toBe(READ_GROUPS)
})
