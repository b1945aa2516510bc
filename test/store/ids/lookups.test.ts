/** Lookups by id: the index stays within its bound, follows a log that loses groups, and hashes what a parser reads. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { LogRecord, OutcomeRecord } from '../../../src/core/fold.ts'
import type { FoundAttempt } from '../../../src/core/log.ts'
import { findAttempts } from '../../../src/store/ids/find-attempts.ts'
import { hashBytes } from '../../../src/store/ids/hash.ts'
import { createIdColumns } from '../../../src/store/ids/id-columns.ts'
import { createPartCache } from '../../../src/store/ids/part-cache.ts'
import { scanIds } from '../../../src/store/ids/scan-ids.ts'
import { createWantedIds } from '../../../src/store/ids/wanted.ts'
import { createFind } from '../../../src/store/shared/id-index.ts'
import { START, sequenceOf } from '../../../src/store/shared/position.ts'
import { attempt, NOW } from '../engine/engines.ts'

const SEED = 7

/** Groups of one attempt each, in memory, as a database has them. Counts the groups that are read to be indexed. */
function fakeGroups(count: number) {
  let generation = 'a'
  let ids = Array.from({ length: count }, (_, i) => `${i}`)
  const state = { first: 1, read: 0 }
  const positionOf = (sequence: number): string => (sequence === 0 ? START : `${sequence}:${generation}`)
  const recordsOf = (sequence: number): string => `[${NOW},${NOW},${JSON.stringify(attempt(ids[sequence - 1]!))}]\n`
  const sequences = (from: number, to: number): number[] =>
    Array.from({ length: Math.max(0, to - from + 1) }, (_, i) => from + i)
  return {
    state,
    append: (id: string) => void ids.push(id),
    failOver(left: number) {
      ids = ids.slice(0, left)
      generation = 'b'
    },
    groups: {
      bounds: async () => ({ first: state.first, last: ids.length }),
      end: async () => positionOf(ids.length),
      async after(sequence: number) {
        const some = sequences(sequence + 1, Math.min(ids.length, sequence + 50))
        state.read += some.length
        return some.map(one => ({
          position: positionOf(one),
          after: positionOf(one - 1),
          writer: 'w',
          number: one,
          records: recordsOf(one),
        }))
      },
      async groups(from: number) {
        const some = sequences(Math.max(state.first, from - 49), Math.min(from, ids.length)).reverse()
        state.read += some.length
        return some.map(sequence => ({ sequence, records: recordsOf(sequence), repeats: [] }))
      },
      select: async (wanted: readonly number[]) =>
        wanted
          .filter(sequence => sequence >= state.first && sequence <= ids.length)
          .map(sequence => ({ sequence, records: recordsOf(sequence), repeats: [] })),
    },
  }
}

const idsOf = async (found: Promise<ReadonlyMap<string, unknown>>): Promise<string[]> => [...(await found).keys()]

describe('the index of a log of groups', () => {
  test('reads no further back than the wanted attempt, and each group once', async () => {
    const { groups, state, append } = fakeGroups(3000)
    const find = createFind(groups, SEED)
    expect(await idsOf(find(new Set(['id 2990'])))).toEqual(['id 2990'])
    expect(state.read).toBeLessThanOrEqual(1050)
    expect(await idsOf(find(new Set(['id 5', 'id none'])))).toEqual(['id 5'])
    expect(state.read).toBe(3000)
    append('new')
    expect(await idsOf(find(new Set(['id new', 'id none', 'id 17'])))).toEqual(['id new', 'id 17'])
    expect(state.read).toBe(3001)
  })

  test('finds everything also beyond its bound, and stays within it', async () => {
    const { groups, state } = fakeGroups(3000)
    const find = createFind(groups, SEED, 1000)
    const wanted = ['id 1', 'id 1500', 'id 2999']
    expect((await idsOf(find(new Set(wanted)))).sort()).toEqual(wanted)
    const before = state.read
    expect(await idsOf(find(new Set(['id 2999'])))).toEqual(['id 2999'])
    expect(state.read).toBe(before)
    expect(await idsOf(find(new Set(['id 1'])))).toEqual(['id 1'])
    expect(state.read).toBeGreaterThan(before)
  })

  test('begins again where the log lost groups in a failover and has others in their place', async () => {
    const { groups, append, failOver } = fakeGroups(100)
    const find = createFind(groups, SEED)
    expect((await idsOf(find(new Set(['id 99', 'id 10'])))).length).toBe(2)
    failOver(90)
    expect(await idsOf(find(new Set(['id 99', 'id 10'])))).toEqual(['id 10'])
    for (let i = 0; i < 20; i++) append(`later ${i}`)
    expect((await idsOf(find(new Set(['id later 19', 'id 99'])))).sort()).toEqual(['id later 19'])
  })

  test('finds nothing that has expired', async () => {
    const { groups, state } = fakeGroups(100)
    const find = createFind(groups, SEED)
    expect(await idsOf(find(new Set(['id 0'])))).toEqual(['id 0'])
    state.first = 51
    expect(await idsOf(find(new Set(['id 0', 'id 49', 'id 50'])))).toEqual(['id 50'])
  })

  test('can be used again after an error', async () => {
    const { groups } = fakeGroups(10)
    let isAway = true
    const find = createFind({ ...groups, end: () => (isAway ? Promise.reject(new Error('away')) : groups.end()) }, SEED)
    await expect(find(new Set(['id 1']))).rejects.toThrow('away')
    isAway = false
    expect(sequenceOf(await groups.end())).toBe(10)
    expect(await idsOf(find(new Set(['id 1'])))).toEqual(['id 1'])
  })
})

test('all outcomes of an attempt are found, in whatever part each of them is', async () => {
  const record = { nowMs: NOW, idMs: NOW, attempt: attempt(1), at: { ms: NOW, local: false } }
  const counts = { success: true, source: 'ci' }
  const outcomes = [1, 2, 3, 3, 4].map(
    (revision, i): OutcomeRecord => ({
      ...record,
      kind: 'outcome',
      outcome: { ...counts, attempt_id: 'id 1', note: `${i}` },
      revision,
      standing: [],
      counts,
    }),
  )
  const records: LogRecord[] = [{ ...record, kind: 'attempt' }, ...outcomes]
  async function find(stored: readonly LogRecord[]) {
    async function* parts() {
      for (const one of stored.toReversed()) yield { ids: { placesOf: () => [0] }, read: async () => [one] }
    }
    return (await findAttempts(new Set(['id 1']), SEED, parts())).get('id 1')
  }
  const notes = (found: FoundAttempt | undefined) => found?.outcomes.map(({ outcome }) => outcome.note)
  expect(notes(await find(records))).toEqual(['0', '1', '2', '4'])
  // Where the beginning has expired, the first of two with one revision may be gone.
  expect(notes(await find(records.slice(4)))).toEqual(['4'])
  expect((await find(records.slice(4)))?.attempt).toEqual(attempt(1))
})

test('the parts of an index that were not used for the longest time leave first', () => {
  const cache = createPartCache<number>(10)
  const part = (size: number) => {
    const ids = createIdColumns()
    for (let i = 0; i < size; i++) ids.add(i, i)
    return { ids, end: size }
  }
  for (const number of [1, 2, 3]) cache.set(number, part(3))
  cache.get(1)
  cache.set(4, part(3))
  expect([1, 2, 3, 4].map(number => cache.get(number) !== undefined)).toEqual([true, false, true, true])
  cache.set(5, part(50))
  expect([1, 3, 4, 5].map(number => cache.get(number) !== undefined)).toEqual([false, false, false, true])
  cache.removeBelow(6)
  expect(cache.get(5)).toBeUndefined()
})

test('a scan finds the hash of every id that a parser reads, in any spelling, at the line that holds it', () => {
  const text = fc.string({ unit: 'binary', minLength: 1, maxLength: 8 }).map(id => id.toWellFormed())
  const spellOut = (id: string): string =>
    `"${[...Array(id.length).keys()].map(i => `\\u${id.charCodeAt(i).toString(16).padStart(4, '0')}`).join('')}"`
  const spelled = fc.tuple(text, fc.boolean(), fc.constantFrom('', ' ', '\t '))
  fc.assert(
    fc.property(fc.array(spelled, { minLength: 1, maxLength: 10 }), all => {
      const lines = all.map(
        ([id, isEscaped, space], i) =>
          `${i} {"note":"\\"attempt_id\\":\\"x\\"","attempt_id"${space}:${space}${isEscaped ? spellOut(id) : JSON.stringify(id)}}\n`,
      )
      const found = new Set<string>()
      scanIds(Buffer.from(lines.join('')), SEED, (hash, lineStart) => found.add(`${hash} ${lineStart}`))
      let start = 0
      for (const [i, [id]] of all.entries()) {
        const bytes = Buffer.from(id)
        expect(found).toContain(`${hashBytes(bytes, 0, bytes.length, SEED)} ${start}`)
        start += Buffer.byteLength(lines[i]!)
      }
    }),
  )
})

test('every wanted id matches the filter until it is removed', () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.string(), { minLength: 1, maxLength: 50 }), ids => {
      const wanted = createWantedIds(ids, SEED)
      const hashOf = (id: string): number => hashBytes(Buffer.from(id), 0, Buffer.byteLength(id), SEED)
      expect(ids.every(id => wanted.has(hashOf(id)))).toBe(true)
      const [first, ...others] = ids
      wanted.remove(first!)
      wanted.remove(first!)
      expect(wanted.size).toBe(others.length)
      expect(others.every(id => wanted.has(hashOf(id)))).toBe(true)
    }),
  )
})
