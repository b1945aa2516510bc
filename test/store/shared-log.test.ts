/** What an error of a server says about a group: whether the same attempts may be sent again. */
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type Group, LogRefused } from '../../src/core/log.ts'
import type { SharedGroups } from '../../src/store/shared/groups.ts'
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
  log = createSharedLog({
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
})

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
