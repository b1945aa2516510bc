/** Where a run keeps its files. */
import { mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'

/** Beside the project, so that files are on its disk: a temporary folder may be memory. */
export const PROJECT: string = new URL('../..', import.meta.url).pathname

/** A folder that is gone when this process ends. */
export function benchFolder(): string {
  const folder = mkdtempSync(join(PROJECT, 'node_modules/.bench-'))
  process.once('exit', () => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }))
  return folder
}
