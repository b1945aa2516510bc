/** docs/reliability.md is up to date, and every test that it names exists. */
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { isRootTest, reliabilityPage } from '../../docs/reliability.ts'
import { GROUPS } from '../../docs/reliability-rows.ts'
import { missingPostgres } from '../support/postgres.ts'
import { missingRedis } from '../support/redis.ts'

const rows = GROUPS.flatMap(([, group]) => group)
const vitest = new URL('../../node_modules/vitest/vitest.mjs', import.meta.url).pathname

/** Full names of the tests in the files. `vitest list` runs none of them. */
async function namesIn(files: ReadonlySet<string>, ...options: string[]): Promise<string[]> {
  const { stdout } = await promisify(execFile)(process.execPath, [vitest, 'list', ...options, ...files])
  // A name is printed behind that of its project, in brackets.
  return stdout
    .trimEnd()
    .split('\n')
    .map(line => line.replace(/^\[[^\]]+\] /, ''))
}

const isServerTest = (name: string): boolean => /^test\/store\/(postgres|redis)\//.test(name)

/** Tests of a server that is not installed here are not listed. */
function canBeListed(name: string): boolean {
  return (name.includes('/postgres/') ? missingPostgres() : missingRedis()) === undefined
}

const filesOf = (names: readonly string[]): Set<string> => new Set(names.map(name => name.split(' > ', 1)[0]!))

test('every test that docs/reliability.md names exists', async () => {
  const named = [...new Set(rows.flatMap(row => row.shown))]
  const roots = named.filter(isRootTest)
  const served = named.filter(isServerTest).filter(canBeListed)
  const others = named.filter(name => !isRootTest(name) && !isServerTest(name))
  const there = await Promise.all([
    namesIn(filesOf(others)),
    // Their tests are in a suite that they call, so they must be run up to their names.
    namesIn(filesOf(served), '--no-static-parse'),
    namesIn(filesOf(roots), '--config', 'vitest.root.config.ts'),
  ])
  const checked = [...others, ...roots, ...served]
  expect(checked.filter(name => !there.flat().includes(name))).toEqual([])
}, 150_000)

test('docs/reliability.md is what its rows print (npm run docs brings it up to date)', () => {
  expect(readFileSync(new URL('../../docs/reliability.md', import.meta.url), 'utf8')).toBe(reliabilityPage())
})

test('each promise is stated once, and has tests or says why not', () => {
  expect(rows.length).toBeGreaterThanOrEqual(58)
  for (const { promise, shown, not } of rows) expect(shown.length > 0 || (not ?? '') !== '', promise).toBe(true)
  expect(new Set(rows.map(row => row.promise)).size).toBe(rows.length)
})

test('the commands on docs/reliability.md are scripts of the package', () => {
  const { scripts } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
    scripts: object
  }
  for (const [, script] of reliabilityPage().matchAll(/npm run ([\w:]+)/g))
    expect(Object.keys(scripts)).toContain(script)
})
