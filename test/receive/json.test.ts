import fc from 'fast-check'
import { expect, test } from 'vitest'
import { locateRawJson } from '../../src/receive/json.ts'

const name = fc.string({ minLength: 1, maxLength: 8, unit: fc.constantFrom(...'ab},[]": \\é🦊') })
const flat = fc.record({ agent_name: name, time_seconds: fc.nat(), success: fc.boolean() })
const bodies = fc.tuple(fc.array(flat, { minLength: 1, maxLength: 6 }), fc.constantFrom(0, 1, '\t'))

test('locates the raw JSON of every attempt of a body whose names contain no opening brace', () => {
  const law = fc.property(bodies, ([attempts, space]) => {
    const located = locateRawJson(Buffer.from(JSON.stringify(attempts, null, space)), attempts.length)
    for (const [i, attempt] of attempts.entries()) {
      const source = located?.sources[i]
      if (source === undefined) expect(space).not.toBe(0)
      else
        expect(JSON.parse(Buffer.from(source).toString('utf8', located!.starts[i], located!.ends[i]))).toEqual(attempt)
    }
  })
  fc.assert(law)
})

test('locates nothing in a body whose names contain an opening brace', () => {
  const attempts = [{ agent_name: 'a{' }, { agent_name: 'b' }]
  expect(locateRawJson(Buffer.from(JSON.stringify(attempts)), 2)).toBeUndefined()
})
