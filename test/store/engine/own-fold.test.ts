import { expect, test } from 'vitest'
import { createOwnFold } from '../../../src/store/engine/own-fold.ts'

test('a group is folded once, and its calls are answered, if the read fails after the group', async () => {
  const began: unknown[] = []
  const folded: string[] = []
  const kept = { position: '2', after: '1' }
  const group = { number: 1, attempts: 1, records: Buffer.alloc(0), isReset: false }
  const ownFold = createOwnFold({
    appender: { again: async () => kept },
    follower: {
      position: '0',
      readRecords: 0,
      isNext: () => false,
      take() {},
      moveTo() {},
      async catchUp(own) {
        if (folded.length === 0) own?.fold('2')
        throw new Error('the connection was lost')
      },
    },
    outage: { begin: error => void began.push(error), over: async () => {} },
    canWait: false,
    times: { pollMs: 1, stuckMs: 20 },
  })
  expect(await ownFold.takeBehind({ group, kept }, position => void folded.push(position))).toBe(true)
  expect(folded).toEqual(['2'])
  expect(began).toHaveLength(1)
})
