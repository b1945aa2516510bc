import { describe, expect, test } from 'vitest'
import { ChunkList } from '../../src/receive/chunk-list.ts'
import { createInFlight, Held } from '../../src/receive/in-flight.ts'

const MIB = 2 ** 20

describe('bytes in flight', () => {
  test('are accepted up to the limit, and counted beyond it if they are already in memory', () => {
    const inFlight = createInFlight(10)
    expect([inFlight.take(6), inFlight.take(5), inFlight.take(4), inFlight.isFull, inFlight.isOver]).toEqual([
      true,
      false,
      true,
      true,
      false,
    ])
    const held = new Held(inFlight)
    held.set(3)
    expect(inFlight.isOver).toBe(true)
    held.set(0)
    inFlight.give(10)
    expect([inFlight.isFull, inFlight.take(10)]).toEqual([false, true])
  })

  test('at the limit one stream continues with the pass, and then gives it to the next', async () => {
    const inFlight = createInFlight(MIB)
    inFlight.take(MIB)
    const first = await inFlight.wait(60_000)
    const others = [inFlight.wait(60_000), inFlight.wait(60_000)]
    if (typeof first === 'function') first()
    const second = await others[0]
    expect([typeof first, typeof second]).toEqual(['function', 'function'])
    inFlight.give(MIB)
    expect(await others[1]).toBe('some')
  })

  test('stop waiting for a stream whose timeout expired', async () => {
    const inFlight = createInFlight(MIB)
    inFlight.take(MIB)
    const pass = await inFlight.wait(60_000)
    expect(await inFlight.wait(1)).toBe('none')
    if (typeof pass === 'function') pass()
    expect(typeof (await inFlight.wait(60_000))).toBe('function')
  })
})

test('processes at most 10,000 pipelined requests of one connection', () => {
  const inFlight = createInFlight(MIB)
  for (let i = 0; i < 10_000; i++) expect(inFlight.enter()).toBe(true)
  expect(inFlight.enter()).toBe(false)
  inFlight.leave()
  expect(inFlight.enter()).toBe(true)
})

describe('the chunk list of a body', () => {
  test('joins chunks of any size in order', () => {
    const pieces = new ChunkList()
    for (let round = 0; round < 3; round++) {
      const sizes = Array.from({ length: 300 }, (_, i) => (i % 7 === 0 ? 5000 : i % 40))
      const all = sizes.map((size, i) => Buffer.alloc(size, i))
      for (const piece of all) pieces.add(piece)
      const whole = Buffer.concat(all)
      expect(pieces.length).toBe(whole.length)
      expect(pieces.join(Buffer.from('end')).equals(Buffer.concat([whole, Buffer.from('end')]))).toBe(true)
      expect(pieces.length).toBe(0)
    }
  })
})
