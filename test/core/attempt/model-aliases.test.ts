/** Model aliases: which name a spelling stands for, and which lists are refused. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { aliasesOf, modelNameOf, renameModels } from '../../../src/core/attempt/model-aliases.ts'
import type { RawJson } from '../../../src/core/ports.ts'
import { AgentPerformanceTracker } from '../../../src/tracker.ts'

const read = (models: Readonly<Record<string, unknown>>): ReturnType<typeof aliasesOf> =>
  aliasesOf(Object.entries(models).map(([name, spellings]) => ({ name, spellings })))
const { aliases } = read({ 'claude-x': ['claude-x[1m]', ' anthropic/claude-x '], ğpt: ['🦊'] })

describe('a model is recorded under', () => {
  test.each([
    ['claude-x[1m]', 'claude-x'],
    ['anthropic/claude-x', 'claude-x'],
    ['🦊', 'ğpt'],
    ['claude-x', 'claude-x'],
    ['  claude-x[1m]\u00a0', 'claude-x'],
    [' claude-x ', 'claude-x'],
  ])('the name of its spelling, with white space at the ends or without: %j as %j', (spelling, name) => {
    expect(modelNameOf(aliases, spelling)).toBe(name)
  })

  test.each(['Claude-x', 'claude-x[1M]', 'claude-x [1m]', ' other ', ' ', '__proto__', 'constructor'])(
    'what was sent, byte for byte, where it is no spelling: %j',
    model => {
      expect(modelNameOf(aliases, model)).toBe(model)
    },
  )

  test('one name for every spelling, which stands for itself', () => {
    const words = fc.uniqueArray(
      fc.stringMatching(/^[ -~é]{1,8}$/).filter(word => word.trim() !== ''),
      {
        minLength: 2,
        selector: word => word.trim(),
      },
    )
    fc.assert(
      fc.property(words, fc.nat(), ([name, ...spellings], at) => {
        const { aliases, faults } = aliasesOf([{ name, spellings }])
        expect(faults).toEqual([])
        const spelling = spellings[at % spellings.length]!
        expect(modelNameOf(aliases, spelling)).toBe(name!.trim())
        expect(modelNameOf(aliases, modelNameOf(aliases, spelling))).toBe(modelNameOf(aliases, spelling))
      }),
    )
  })
})

test('a renamed attempt loses its serialized text, which states the spelling, and no other attempt does', () => {
  const attempt = (model_name: string) => ({
    agent_name: 'a',
    model_name,
    issue_type: 'i',
    success: true,
    time_seconds: 1,
  })
  const attempts = [attempt('claude-x'), attempt('claude-x[1m]'), attempt('other')]
  const bytes = Buffer.from('x')
  const rawJson: RawJson = { sources: [bytes, bytes, bytes], starts: [0, 0, 0], ends: [1, 1, 1] }
  const sent = [...attempts]
  renameModels(attempts, { instants: [], rawJson }, aliases)
  expect(rawJson.sources).toEqual([bytes, undefined, bytes])
  expect(attempts.map(one => one.model_name)).toEqual(['claude-x', 'claude-x', 'other'])
  expect(Object.keys(attempts[1]!)).toEqual(Object.keys(sent[1]!))
  expect(sent[1]!.model_name, 'the object of the caller').toBe('claude-x[1m]')
})

describe('refused', () => {
  test.each<[string, Readonly<Record<string, unknown>>, RegExp]>([
    [
      'a spelling of two names',
      { a: ['x'], b: ['y', ' x'] },
      /^"x" is also a spelling of "a": list it under one name$/,
    ],
    ['a spelling that is listed twice', { a: ['x', 'x '] }, /^"x" is listed twice: remove one/],
    ['a name that is a spelling of another', { a: ['b'], b: ['c'] }, /^"b" is also a name.*: keep it here/],
    ['the same in the other order', { b: ['c'], a: ['b'] }, /^"b" is also a name/],
    ['an empty list', { a: [] }, /^must be a list of spellings .*: list a spelling, or remove the name$/],
    ['a text instead of a list', { a: 'x' }, /^must be a list of spellings .* not a string$/],
    ['nothing instead of a list', { a: null }, /^must be a list of spellings .* not null$/],
    ['a number instead of a spelling', { a: [4.1] }, /^a spelling must be a string, not a number: put it in quotes$/],
    ['an empty spelling', { a: [''] }, /^a spelling must not be empty$/],
    ['a spelling of white space', { a: [' '] }, /^a spelling must not be empty$/],
    ['an empty name', { ' ': ['x'] }, /^the name must not be empty$/],
    ['control characters in a spelling', { a: ['x\u0007y'] }, /^a spelling must not hold control characters$/],
    ['control characters at the end of a name', { 'a\t': ['x'] }, /^the name must not hold control characters$/],
    ['a lone surrogate', { a: ['\ud800'] }, /^a spelling must be well-formed/],
    ['a name of 257 bytes', { [`${'é'.repeat(128)}x`]: ['x'] }, /^the name must be at most 256 bytes/],
    ['a spelling of 257 bytes', { a: [`${'é'.repeat(128)}x`] }, /^a spelling must be at most 256 bytes/],
    ['a name twice', { a: ['x'], ' a': ['y'] }, /^this name is given twice: merge/],
  ])('%s', (_what, models, detail) => {
    expect(read(models).faults.map(fault => fault.detail)).toEqual([expect.stringMatching(detail)])
  })

  test('by the tracker, which names every fault and records nothing', () => {
    const modelAliases = { a: [], b: ['x'], c: ['x'] }
    expect(() => new AgentPerformanceTracker({ store: '/nowhere/x.json', modelAliases })).toThrow(
      /^modelAliases: "a": must be a list.*; "c": "x" is also a spelling of "b"/,
    )
  })

  test('not: names of 256 bytes, and a name among its own spellings', () => {
    expect(read({ ['x'.repeat(256)]: ['é'.repeat(128)], a: ['a', 'b'] }).faults).toEqual([])
  })
})
