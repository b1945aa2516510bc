/** The file of model aliases: JSON and YAML, and messages that name the file, the line and the remedy. */
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { ConfigError } from '../../src/config/config.ts'
import { readModelAliases } from '../../src/config/model-aliases.ts'

const folder = mkdtempSync(join(tmpdir(), 'model-aliases-'))
let files = 0
function file(text: string): string {
  const path = join(folder, `aliases-${files++}`)
  writeFileSync(path, text)
  return path
}

const EXPECTED = new Map([
  ['claude-x', 'claude-x'],
  ['claude-x[1m]', 'claude-x'],
  ['anthropic/claude-x', 'claude-x'],
])

test.each([
  ['JSON', '{"claude-x": ["claude-x[1m]", "anthropic/claude-x"]}'],
  ['YAML', 'claude-x:\n  - "claude-x[1m]"\n  - anthropic/claude-x\n'],
  ['YAML with white space at the ends of names', '" claude-x": [" claude-x[1m] ", anthropic/claude-x]'],
])('%s is read', (_, text) => {
  expect(readModelAliases(file(text))).toEqual(EXPECTED)
})

test.each([
  ['no file', undefined],
  ['an empty file', ''],
  ['a comment alone', '# none yet\n'],
])('%s renames nothing', (_, text) => {
  expect(readModelAliases(text === undefined ? undefined : file(text)).size).toBe(0)
})

test('every fault is reported with its line', () => {
  const path = file('a:\n  - x\n  - "y"\nb: []\nc:\n  - z\n  - x\n1.10: [w]\n')
  expect(() => readModelAliases(path)).toThrow(ConfigError)
  let message = ''
  try {
    readModelAliases(path)
  } catch (error) {
    message = (error as Error).message
  }
  expect(message.split('\n')).toEqual([
    `${path} line 8: "1.1": the name must be a string, not a number: put it in quotes`,
    expect.stringMatching(`^${path} line 4: "b": must be a list of spellings`),
    `${path} line 7: "c": "x" is also a spelling of "a": list it under one name`,
  ])
})

test.each([
  ['a list', '[a, b]', /aliases-\d+ must be a map of lists of spellings by model name/],
  ['a key twice', 'a: [x]\na: [y]', /line 2: this key is given twice/],
  ['broken JSON', '{"a": [', /aliases-\d+ line 1/],
  ['a list of lists', 'a: [[x]]', /line 1: "a": a spelling must be a string, not an array/],
  ['a map as a key', '? {a: b}\n: [x]', /line 1: .*the name must be a string, not an object/],
])('%s is refused', (_, text, says) => {
  expect(() => readModelAliases(file(text))).toThrow(says)
})

test('a file that is not there is named', () => {
  expect(() => readModelAliases(join(folder, 'none'))).toThrow(/cannot read the file of model aliases .*none: ENOENT/)
})
