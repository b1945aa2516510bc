/** Programs that a machine may lack: a test that needs one is skipped, and says so. */
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import type { TestContext } from 'vitest'

/** Skips the test, with a printed reason, where the program is not on the PATH. */
export function needs(program: string, context: TestContext): void {
  if (spawnSync(program, ['--version'], { stdio: 'ignore' }).error === undefined) return
  process.stderr.write(`SKIPPED: "${context.task.name}": there is no ${program} on the PATH\n`)
  context.skip(`there is no ${program} on the PATH`)
}

/** What `promtool check metrics` says of a text. */
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
