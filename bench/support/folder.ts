/** The folder for the files of a run. */
import { mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'

/** Files go below the project, so that they are on a disk. A temporary folder may be in memory. */
export const PROJECT: string = new URL('../..', import.meta.url).pathname

/** Creates a folder that is removed when this process exits. */
export function benchFolder(): string {
  const folder = mkdtempSync(join(PROJECT, 'node_modules/.bench-'))
  process.once('exit', () => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }))
  return folder
}
