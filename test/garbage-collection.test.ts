import { execFileSync } from 'node:child_process'
import { expect, test } from 'vitest'
import { beginYoung } from '../src/garbage-collection.ts'

test('the garbage collector is given a flag that this Node knows, and may be given while it runs', () => {
  const flags: string[] = []
  beginYoung(flag => flags.push(flag))
  const known = execFileSync(process.execPath, ['--v8-options'], { encoding: 'utf8' })
  for (const flag of flags) expect(known).toContain(`${flag.replace('--no-', '--')} (`)
  const code = `
    const { beginYoung } = await import('./src/garbage-collection.ts')
    const kept = []
    for (let i = 0; i < 200_000; i++) {
      if (i === 100_000) beginYoung()
      kept[i % 5000] = { i, next: [i] }
    }
    console.log('ran on')`
  const said = execFileSync(process.execPath, ['--input-type=module', '-e', code], {
    encoding: 'utf8',
    stdio: 'pipe',
    cwd: new URL('..', import.meta.url),
  })
  expect(said).toBe('ran on\n')
})
