/** External programs. A test whose program is missing is skipped with a printed reason. */
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import type { TestContext } from 'vitest'

/** Skips the test, with a printed reason, if the program is not on the PATH. */
export function needs(program: string, context: TestContext): void {
  if (spawnSync(program, ['--version'], { stdio: 'ignore' }).error === undefined) return
  process.stderr.write(`SKIPPED: "${context.task.name}": ${program} is not on the PATH\n`)
  context.skip(`${program} is not on the PATH`)
}

/** Runs `promtool check metrics` on a text. Resolves with its exit code and output. */
export async function checkMetrics(text: string): Promise<{ code: number; output: string }> {
  const child = spawn('promtool', ['check', 'metrics'])
  let output = ''
  child.stdout.on('data', chunk => {
    output += chunk
  })
  child.stderr.on('data', chunk => {
    output += chunk
  })
  child.stdin.end(text)
  const [code] = await once(child, 'close')
  return { code, output }
}
