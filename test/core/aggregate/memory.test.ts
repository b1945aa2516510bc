/** The memory of a key stays within the targets of bench/rows/in-process.ts. It is measured as there, in a process of its own. */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

const MEASURE = new URL('../../../bench/measures/memory.ts', import.meta.url).href

test('a key with its last 100 attempts takes less than 4 KB, and the outcomes before those less than 512 bytes', async () => {
  const script = `import(${JSON.stringify(MEASURE)}).then(({ memory }) => console.log(JSON.stringify(memory())))`
  const { stdout } = await promisify(execFile)(process.execPath, ['--expose-gc', '--eval', script])
  const { key, older } = JSON.parse(stdout) as { key: number; older: number }
  // What the numbers alone take: less would be a fault of the measurement.
  expect(key).toBeGreaterThan(2400)
  expect(key).toBeLessThan(4096)
  expect(older).toBeGreaterThan(360)
  expect(older).toBeLessThan(512)
})
