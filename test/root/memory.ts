/** What a process takes of the machine's memory, by what Linux says. */
import { readFile } from 'node:fs/promises'

/** Anything with a process. */
interface Running {
  readonly process: { readonly pid?: number | undefined }
}

/** In MiB, now. */
export const memoryOf = (sidecar: Running): Promise<number> => read(sidecar, 'VmRSS')

/** In MiB, the most it ever took. */
export const peakMemoryOf = (sidecar: Running): Promise<number> => read(sidecar, 'VmHWM')

async function read({ process: { pid } }: Running, what: string): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8')
  return Math.round(Number(new RegExp(`${what}:\\s+(\\d+) kB`).exec(status)?.[1]) / 1024)
}
