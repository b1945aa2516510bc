import fc from 'fast-check'
import { expect, test } from 'vitest'
import { jsonPieces } from '../../src/questions/json-pieces.ts'

const value = fc.oneof(fc.jsonValue(), fc.double(), fc.constant(undefined))
const name = fc.oneof(fc.string(), fc.constantFrom('__proto__', '10', '2', '"', '\u2028'))
const answer = fc.oneof(
  fc.array(fc.oneof(fc.jsonValue(), fc.double())),
  fc.dictionary(name, fc.oneof(value, fc.dictionary(name, fc.oneof(value, fc.dictionary(name, value))))),
)

test('the pieces joined equal JSON.stringify', () => {
  fc.assert(
    fc.property(answer, fc.integer({ min: 1, max: 4 }), (given, depth) => {
      expect([...jsonPieces(given, depth)].join('')).toBe(JSON.stringify(given))
    }),
  )
})

test('an answer about 10,000 groups is printed in 10,000 pieces or more', () => {
  const groups = Object.fromEntries(Array.from({ length: 10_000 }, (_, i) => [`group ${i}`, { attempts: i }]))
  expect([...jsonPieces({ group_by: 'key', groups })].length).toBeGreaterThan(10_000)
})
