/** Runs a few lines in a separate Node process. */
import { spawn } from 'node:child_process'

export interface NodeRun {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
  readonly ms: number
}

/** The URL of the package's entry, for an `import`. */
export const ENTRY: string = new URL('../../src/index.ts', import.meta.url).href

/** Runs `code` as a module and waits for its end, at most 30 s. */
export function runNode(code: string): Promise<NodeRun> {
  const started = performance.now()
  const child = spawn(process.execPath, ['--input-type=module', '--eval', code], { timeout: 30_000 })
  const output = { stdout: '', stderr: '' }
  for (const stream of ['stdout', 'stderr'] as const) {
    child[stream].setEncoding('utf8').on('data', (text: string) => {
      output[stream] += text
    })
  }
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', exit => resolve({ code: exit, ...output, ms: performance.now() - started }))
  })
}
