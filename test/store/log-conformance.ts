/** The conformance suite of logs. Every log must pass `describeLog`. */
import { crc32 } from 'node:zlib'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { applyAlertChange, createAlertsState } from '../../src/core/alerts/lifecycle.ts'
import type { LimitsRecord, LogRecord, RecordTimes } from '../../src/core/fold.ts'
import type { CapturedSnapshot, Kept, KeptGroup, Log } from '../../src/core/log.ts'
import { encodeOne } from '../../src/store/engine/call.ts'
import { outcomeJson, pointsJson, RESET_JSON, recordJson } from '../../src/store/record-json.ts'
import { ALERT_CHANGES } from '../support/alerts.ts'
import { attempt, NOW } from './engine/engines.ts'

/** The location of a log, empty at first. */
export interface LogPlace {
  /** Opens the log. After a close, it has the earlier records. */
  open(): Promise<Log>
  /** Whether several writers may open it. */
  readonly isShared: boolean
  /** Opens it with a retention of 1 byte, where that expires single groups. */
  openSmall?(): Promise<Log>
  remove(): Promise<void>
}

const TIMES: RecordTimes = { nowMs: NOW, idMs: NOW }

/** Names that a log may handle wrongly. */
const HOSTILE = ['a\nb', '\u2028', '"},{"', "'; DROP TABLE log; --", '\\', '👩‍🚀 ü', '\u0000', ' ', 'x'.repeat(256)]

export function describeLog(name: string, create: () => Promise<LogPlace>): void {
  describe(name, () => {
    let place: LogPlace
    let log: Log
    let number: number

    beforeEach(async () => {
      place = await create()
      log = await place.open()
      number = 0
    })
    afterEach(async () => {
      await log.close()
      await place.remove()
    })

    async function reopen(): Promise<void> {
      await log.close()
      log = await place.open()
      number = 0
    }

    /** Appends attempts with these ids in one group. */
    function keep(...ids: string[]): Promise<Kept> {
      const records = ids.map(id => encodeOne(log.frame(TIMES), JSON.stringify(attempt(id))))
      return log.append({ number: ++number, attempts: ids.length, records: Buffer.concat(records), isReset: false })
    }

    function keepJson(json: string, times: RecordTimes = TIMES, isReset = false): Promise<Kept> {
      const records = encodeOne(log.frame(times), json)
      return log.append({ number: ++number, attempts: 0, records, isReset })
    }

    async function groupsBehind(after: string): Promise<KeptGroup[]> {
      const groups: KeptGroup[] = []
      for await (const group of log.read(after)) groups.push(group)
      return groups
    }

    /** The ids of the attempts after a position, and the kinds of other records. Without limits, which each log stores in its own way. */
    async function behind(after: string): Promise<string[]> {
      const records = (await groupsBehind(after)).flatMap(group => group.records)
      return records.filter(record => record.kind !== 'limits').map(textOf)
    }

    test('appended records are read back in order, without a gap', async () => {
      const kept = [await keep('1', '2'), await keep('3'), await keep('4', '5')]
      expect(kept[1]!.after).toBe(kept[0]!.position)
      expect(kept[2]!.after).toBe(kept[1]!.position)
      expect(await behind(log.info.start)).toEqual(['1', '2', '3', '4', '5'])
      const groups = await groupsBehind(log.info.start)
      expect(groups.at(-1)!.position).toBe(kept[2]!.position)
      for (const [i, group] of groups.entries())
        expect(group.after).toBe(i === 0 ? log.info.start : groups[i - 1]!.position)
    })

    test('reading after a position gives the records appended after it, also if the log was closed in between', async () => {
      const kept = [await keep('1', '2'), await keep('3'), await keep('4')]
      const expected = [['3', '4'], ['4'], []]
      for (const [i, { position }] of kept.entries()) expect(await behind(position)).toEqual(expected[i])
      await reopen()
      for (const [i, { position }] of kept.entries()) expect(await behind(position)).toEqual(expected[i])
      await keep('5')
      expect(await behind(kept[1]!.position)).toEqual(['4', '5'])
    })

    test('a read until a position ends there', async () => {
      const kept = [await keep('1', '2'), await keep('3'), await keep('4')]
      const read: string[] = []
      for await (const group of log.read(kept[0]!.position, kept[1]!.position)) read.push(...group.records.map(textOf))
      expect(read.filter(one => one !== 'limits')).toEqual(['3'])
    })

    test('everything since the last reset is within its reach, and no more', async () => {
      await keep('1')
      const reach = await log.reach()
      expect(reach.completeMs).toBe(Number.NEGATIVE_INFINITY)
      expect(await behind(reach.position)).toEqual(['1'])
      await keepJson(RESET_JSON, TIMES, true)
      await keep('2')
      await reopen()
      const again = await log.reach()
      expect(again.completeMs).toBe(Number.NEGATIVE_INFINITY)
      expect(await behind(again.position)).toEqual(['reset', '2'])
    })

    test('what a copy takes are the records since the last reset, up to a position, without duplicates', async () => {
      await keep('1')
      await keepJson(RESET_JSON, TIMES, true)
      const kept = [await keep('2', '3'), await keep('4', '5'), await keep('6')]
      log.leaveOut(kept[1]!.position, [1])
      // A file log has one writer, which appends no duplicates.
      const expected = ['reset', '2', '3', '4', ...(place.isShared ? [] : ['5'])]
      async function taken(): Promise<string[]> {
        const records: string[] = []
        for await (const group of log.stored(kept[1]!.position)) records.push(...group.records.map(textOf))
        return records.filter(one => one !== 'limits')
      }
      await expect.poll(taken).toEqual(expected)
    })

    test('a repeated group number returns the stored position, and is stored once', async () => {
      const first = await keep('1')
      number--
      expect(await keep('1')).toEqual(first)
      expect(await behind(log.info.start)).toEqual(['1'])
    })

    test('every kind of record is read back as it was written, with its times of receipt', async () => {
      const skewed = { nowMs: NOW + 5, idMs: NOW - 90_000_000 }
      const key = { agent_name: 'a', model_name: 'm', issue_type: 'i' }
      const point = {
        series: 's',
        key,
        measure: { metric: 'cost' },
        startMs: 1,
        timeMs: 2,
        cumulative: true,
        values: [3],
      } as const
      const one = attempt('1')
      const outcome = { attempt_id: 'id 1', success: false, source: 'ci' }
      const at = { ms: NOW - 30_000, local: false }
      const plan = { shares: new Map([['__proto__', 90]]), baseline: 'a', endMs: NOW }
      const kept: Exclude<LogRecord, LimitsRecord>[] = [
        { kind: 'points', ...skewed, points: [point] },
        { kind: 'attempt', ...TIMES, attempt: one, at },
        { kind: 'outcome', ...skewed, outcome, revision: 2, previous: true, attempt: one, at },
        ...ALERT_CHANGES.map(change => ({ kind: 'alert', ...TIMES, change }) as const),
        { kind: 'plan', ...skewed, experiment: '__proto__', plan },
        { kind: 'copy', ...TIMES, isDone: false, completeMs: NOW },
        { kind: 'copy', ...TIMES, isDone: true, completeMs: Number.POSITIVE_INFINITY },
        { kind: 'copy', ...TIMES, isDone: true, completeMs: Number.NEGATIVE_INFINITY },
      ]
      for (const record of kept) await keepJson(recordJson(record), record)
      await reopen()
      const records = (await groupsBehind(log.info.start)).flatMap(group => group.records)
      expect(records.filter(({ kind }) => kind !== 'limits')).toEqual(kept)
      const alerts = createAlertsState()
      for (const change of ALERT_CHANGES) applyAlertChange(alerts, change, NOW)
      const reset = { kind: 'reset', ...TIMES, alerts } as const
      await keepJson(recordJson(reset), reset, true)
      expect((await groupsBehind(log.info.start)).flatMap(group => group.records).at(-1)).toEqual(reset)
      await keepJson(RESET_JSON, TIMES, true)
      const position = (await keep('2')).after
      expect(await behind(log.info.start).then(all => all.slice(-2))).toEqual(['reset', '2'])
      expect(await behind(position)).toEqual(['2'])
    })

    test('an attempt is found by its id with its newest outcome, and nothing is found by an unknown id', async () => {
      await keep('1', '2')
      await reopen()
      const outcome = { attempt_id: 'id 1', success: false, source: 'ci' }
      const record = {
        kind: 'outcome',
        ...TIMES,
        outcome,
        attempt: attempt('1'),
        at: { ms: NOW - 30_000, local: false },
      } as const
      for (const revision of [1, 2]) await keepJson(outcomeJson({ ...record, revision }))
      await keep('3')
      const found = await log.find('id 1')
      expect([found?.attempt.attempt, found?.outcome?.revision]).toEqual([attempt('1'), 2])
      expect((await log.find('id 3'))?.outcome).toBeUndefined()
      expect(await log.find('id 4')).toBeUndefined()
    })

    test('limits without an end are read back as they were written', async () => {
      const limits = { maxKeys: 5, maxArms: 6, idWindow: 7, idWindowAgeMs: Number.POSITIVE_INFINITY }
      const record = { kind: 'limits', ...TIMES, limits, isRaise: true } as const
      await keepJson(recordJson(record))
      await reopen()
      const records = (await groupsBehind(log.info.start)).flatMap(group => group.records)
      expect(records.filter(one => one.kind === 'limits' && one.isRaise === true)).toEqual([record])
    })

    test('points keep both times, also if one clock jumped', async () => {
      const skewed = { nowMs: NOW + 5, idMs: NOW - 90_000_000 }
      await keepJson(pointsJson([]), skewed)
      const records = (await groupsBehind(log.info.start)).flatMap(group => group.records)
      expect(records.find(({ kind }) => kind === 'points')).toEqual({ kind: 'points', ...skewed, points: [] })
    })

    test('bytes of any kind survive', async () => {
      const sent = HOSTILE.map(name => JSON.stringify(attempt(name, { agent_name: name, issue_type: name })))
      for (const json of sent) await keepJson(json)
      await reopen()
      const records = (await groupsBehind(log.info.start)).flatMap(group => group.records)
      const names = records.flatMap(record => (record.kind === 'attempt' ? [record.attempt.agent_name] : []))
      expect(names).toEqual(HOSTILE)
    })

    test('snapshots are complete, newest first, with the positions at which they were taken', async () => {
      const blocks = [Buffer.from('one'), Buffer.alloc(100_000, 'x')]
      const positions: string[] = []
      for (const id of ['1', '2', '3']) {
        const position = await log.rotate((await keep(id)).position)
        positions.unshift(position)
        await log.putSnapshot(snapshotOf(position, [...blocks, Buffer.from(id)]))
        await log.expire()
      }
      // Without opening the log again: it may decode its snapshots then, and these contain no state.
      const found = await log.snapshots()
      expect(found.map(({ position }) => position)).toEqual(positions.slice(0, found.length))
      expect(found.length).toBeGreaterThanOrEqual(2)
      const read: Buffer[] = []
      for await (const block of found[0]!.blocks()) read.push(Buffer.from(block))
      expect(Buffer.concat(read).equals(Buffer.concat([...blocks, Buffer.from('3')]))).toBe(true)
      expect(read.map(block => block.length)).toEqual([3, 100_000, 1])
      expect(await behind(found[1]!.position)).toEqual(['3'])
    })

    test('groups beyond the retention expire when two snapshots cover them, and what stays can be read and listed', async context => {
      if (place.openSmall === undefined) return context.skip('its groups expire in larger units')
      await log.close()
      log = await place.openSmall()
      const positions: string[] = []
      for (const id of ['1', '2', '3']) {
        positions.push((await keep(id)).position)
        expect(await log.expire()).toBe(true)
        await log.putSnapshot(snapshotOf(positions.at(-1)!, [Buffer.from(id)]))
      }
      await log.expire()
      await expect(behind(log.info.start)).rejects.toMatchObject({ name: 'LogTruncated' })
      await expect(behind(positions[0]!)).rejects.toMatchObject({ name: 'LogTruncated' })
      expect(await behind(positions[1]!)).toEqual(['3'])
      expect((await log.snapshots()).map(({ position }) => position)).toEqual([positions[2], positions[1]])
      expect((await log.page({ limit: 10 })).attempts.map(one => one.attempt_id)).toEqual(['id 3'])
      expect((await log.page({ limit: 10, order: 'oldest' })).attempts.map(one => one.attempt_id)).toEqual(['id 3'])
      await keep('4')
      expect(await behind(positions[2]!)).toEqual(['4'])
    })

    test('an incomplete snapshot is not stored', async () => {
      const { position } = await keep('1')
      const snapshot = snapshotOf(await log.rotate(position), [Buffer.from('one')])
      async function* broken(): AsyncGenerator<Uint8Array> {
        yield Buffer.from('o')
        throw new Error('broken off')
      }
      await expect(log.putSnapshot({ ...snapshot, bytes: broken })).rejects.toThrow('broken off')
      expect(await log.snapshots()).toEqual([])
    })

    test('a temporary file returns what was written to it', async () => {
      const file = await log.temporaryFile()
      await file.write(Buffer.from('abc'))
      await file.write(Buffer.from('def'))
      const read = await file.read(2, 3, Buffer.alloc(10))
      expect(Buffer.from(read).toString()).toBe('cde')
      await file.close()
    })

    test('attempts are paged newest first, without those from before a reset', async () => {
      await keep('1', '2')
      expect((await log.page({ limit: 10 })).attempts.map(one => one.attempt_id)).toEqual(['id 2', 'id 1'])
      await keepJson(RESET_JSON, TIMES, true)
      await keep('3')
      expect((await log.page({ limit: 10 })).attempts.map(one => one.attempt_id)).toEqual(['id 3'])
    })

    test('an open log reports that it is writable', () => {
      log.watch({ changed() {}, failed() {}, needsSnapshot() {} })
      expect(log.health()).toEqual({ writable: true })
    })

    test('two sidecars that share it read the same groups in the same order', async context => {
      if (!place.isShared) context.skip()
      const other = await place.open()
      let told = 0
      other.watch({ changed: () => void told++, failed() {}, needsSnapshot() {} })
      const append = (to: Log, number: number, id: string): Promise<Kept> => {
        const records = encodeOne(to.frame(TIMES), JSON.stringify(attempt(id)))
        return to.append({ number, attempts: 1, records, isReset: false })
      }
      const kept = await Promise.all([append(log, 1, 'a'), append(other, 1, 'b')])
      const last = await append(log, 2, 'c')
      await expect.poll(() => told).toBeGreaterThan(0)
      expect(kept.map(({ position }) => position)).toContain(last.after)
      const seen = await behind(log.info.start)
      expect([...seen].sort()).toEqual(['a', 'b', 'c'])
      const others: string[] = []
      for await (const group of other.read(other.info.start)) others.push(...group.records.map(textOf))
      expect(others).toEqual(seen)
      expect(other.info).toMatchObject({ seed: log.info.seed, limits: log.info.limits })
      expect(other.info.writer).not.toBe(log.info.writer)
      await other.close()
    })

    test('a group number that skips another is refused with the newest stored number', async context => {
      if (!place.isShared) context.skip()
      await keep('1')
      number += 2
      await expect(keep('4')).rejects.toMatchObject({ name: 'LogBehind', number: 1 })
    })
  })
}

const textOf = (record: LogRecord): string =>
  record.kind === 'attempt' ? record.attempt.attempt_id!.replace('id ', '') : record.kind

function snapshotOf(position: string, blocks: readonly Buffer[]): CapturedSnapshot {
  async function* bytes(): AsyncGenerator<Uint8Array> {
    yield Buffer.concat(blocks)
  }
  return { position, blocks: blocks.map(block => ({ bytes: block.length, checksum: crc32(block) })), bytes }
}
