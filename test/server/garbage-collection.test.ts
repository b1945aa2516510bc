import { execFileSync } from 'node:child_process'
import { expect, test } from 'vitest'
import { beginYoung } from '../../src/server/garbage-collection.ts'

test('the garbage collector is given a flag that this Node knows, and may be given while it runs', () => {
  const flags: string[] = []
  beginYoung(flag => flags.push(flag))
  const known = execFileSync(process.execPath, ['--v8-options'], { encoding: 'utf8' })
  for (const flag of flags) expect(known).toContain(`${flag.replace('--no-', '--')} (`)
  const code = `
    const { beginYoung } = await import('./src/server/garbage-collection.ts')
    const kept = []
    for (let i = 0; i < 200_000; i++) {
      if (i === 100_000) beginYoung()
      kept[i % 5000] = { i, next: [i] }
    }
    console.log('ran on')`
  expect(run(code)).toBe('ran on\n')
})

test('a request of OTLP is gone with the next small collection: what keeps it until all garbage is collected would hold up everybody then', () => {
  // Not so much at once that V8 collects all by itself, which would be right in any case.
  const code = `
    import { readFileSync } from 'node:fs'
    import { setImmediate as nextTurn, setTimeout as pause } from 'node:timers/promises'
    import { mergeMapping } from './src/receive/otlp/mapping/table.ts'
    import { extractLogBytes } from './src/receive/otlp/protobuf/extract-log-bytes.ts'
    const sent = readFileSync('test/fixtures/otlp/go-logs.bin')
    const mapping = mergeMapping({})
    let read = 0
    for (let round = 0; round < 6; round++) {
      for (let i = 0; i < 50; i++) {
        const memory = new Uint8Array(100_000)
        memory.set(sent)
        read += extractLogBytes(Buffer.from(memory.buffer, 0, sent.length), mapping).attempts.length
      }
      // What stands on the stack is kept.
      await nextTurn()
      gc({ type: 'minor' })
    }
    // Another thread frees what was found to be garbage.
    const isGone = () => process.memoryUsage().arrayBuffers < 5_000_000
    for (let waits = 0; !isGone() && waits < 100; waits++) await pause(10)
    console.log(read > 0, isGone())`
  expect(run(code, '--expose-gc')).toBe('true true\n')
})

function run(code: string, ...args: readonly string[]): string {
  return execFileSync(process.execPath, [...args, '--input-type=module', '-e', code], {
    encoding: 'utf8',
    stdio: 'pipe',
    cwd: new URL('../..', import.meta.url),
  })
}
