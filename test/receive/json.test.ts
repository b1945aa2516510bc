import fc from 'fast-check'
import { expect, test } from 'vitest'
import { hasPlainStrings, parseJson, parsePlainJson } from '../../src/receive/json.ts'

/** Longer than what is parsed at once, so that whatever stands behind it may be cut off. */
const long = { padding: 'x'.repeat(33 * 1024) }
/** Strings that look like the places where an array may be cut, and like its brackets. */
const text = fc
  .array(fc.constantFrom('},{', '{', '}', '[', ']', ',', ':', ' ', 'a'), { maxLength: 4 })
  .map(parts => parts.join(''))
const flat = fc.dictionary(text, fc.oneof(text, fc.integer(), fc.constantFrom(null, true)), { noNullPrototype: true })
const value = fc.oneof(flat, fc.array(flat, { maxLength: 3 }), text, fc.integer())
const json = fc
  .array(fc.oneof({ weight: 3, arbitrary: value }, { weight: 1, arbitrary: fc.constant(long) }), { minLength: 1 })
  .map(items => JSON.stringify([long, ...items]))

test('a long array that is parsed piece by piece gives what it gives when it is parsed whole', () => {
  fc.assert(
    fc.property(json, text => {
      const bytes = Buffer.from(text)
      fc.pre(hasPlainStrings(bytes))
      expect(parsePlainJson(bytes)).toEqual({ ok: true, value: JSON.parse(text) })
    }),
  )
})

test('and where it is broken anywhere, the same is said of it', () => {
  const broken = fc.tuple(json, fc.nat(), fc.constantFrom('', '"', ']', '[', '{', '}', ',', '},{', '\n'), fc.nat(2))
  fc.assert(
    fc.property(broken, ([text, at, put, taken]) => {
      const behindPadding = text.indexOf('xx"}') + 3
      const place = behindPadding + (at % (text.length - behindPadding + 1))
      const bytes = Buffer.from(text.slice(0, place) + put + text.slice(place + taken))
      fc.pre(hasPlainStrings(bytes))
      expect(parsePlainJson(bytes)).toEqual(parseJson(bytes))
    }),
  )
})
