/** The page of promises says what is so: its tests are there, it is what the rows print, and every promise is on it. */
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { isRootTest, reliabilityPage } from '../../docs/reliability.ts'
import { GROUPS } from '../../docs/reliability-rows.ts'

const rows = GROUPS.flatMap(([, group]) => group)
const vitest = new URL('../../node_modules/vitest/vitest.mjs', import.meta.url).pathname

/** Full names of the tests in the files, as the runner reads them without running any. */
async function namesIn(files: ReadonlySet<string>, ...options: string[]): Promise<string[]> {
  const { stdout } = await promisify(execFile)(process.execPath, [vitest, 'list', ...options, ...files])
  return stdout.trimEnd().split('\n')
}

const filesOf = (names: readonly string[]): Set<string> => new Set(names.map(name => name.split(' > ', 1)[0]!))

test('every test that the page of promises names is there', async () => {
  const named = [...new Set(rows.flatMap(row => row.shown))]
  const roots = named.filter(isRootTest)
  const others = named.filter(name => !isRootTest(name))
  const there = await Promise.all([
    namesIn(filesOf(others)),
    namesIn(filesOf(roots), '--config', 'vitest.root.config.ts'),
  ])
  expect(named.filter(name => !there.flat().includes(name))).toEqual([])
})

test('the page of promises is what its rows print (npm run docs brings it up to date)', () => {
  expect(readFileSync(new URL('../../docs/reliability.md', import.meta.url), 'utf8')).toBe(reliabilityPage())
})

test('each promise is stated once, and is shown or says why it is not', () => {
  expect(rows.length).toBeGreaterThanOrEqual(58)
  for (const { promise, shown, not } of rows) expect(shown.length > 0 || (not ?? '') !== '', promise).toBe(true)
  expect(new Set(rows.map(row => row.promise)).size).toBe(rows.length)
})

test('the commands that the page of promises names are scripts of the package', () => {
  const { scripts } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
    scripts: object
  }
  for (const [, script] of reliabilityPage().matchAll(/npm run ([\w:]+)/g))
    expect(Object.keys(scripts)).toContain(script)
})
