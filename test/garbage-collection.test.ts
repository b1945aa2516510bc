import { execFileSync } from 'node:child_process'
import { expect, test } from 'vitest'
import { suitCollectorToCores } from '../src/garbage-collection.ts'

test.each([
  [1, ['--no-concurrent-marking']],
  [2, []],
  [64, []],
])('on %i cores the garbage collector is given the flags %j', (cores, flags) => {
  const given: string[] = []
  suitCollectorToCores(cores, flag => given.push(flag))
  expect(given).toEqual(flags)
})

test('the flag for a single core is one that this Node knows, and may be given while it runs', () => {
  const code =
    "import('./src/garbage-collection.ts').then(it => it.suitCollectorToCores(1)).then(() => console.log('ran on'))"
  const said = execFileSync(process.execPath, ['-e', code], {
    encoding: 'utf8',
    stdio: 'pipe',
    cwd: new URL('..', import.meta.url),
  })
  expect(said).toBe('ran on\n')
  expect(execFileSync(process.execPath, ['--v8-options'], { encoding: 'utf8' })).toContain('--concurrent-marking ')
})
