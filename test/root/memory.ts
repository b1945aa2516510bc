/** Resident memory of a process, from /proc. */
import { readFile } from 'node:fs/promises'

interface Running {
  readonly process: { readonly pid?: number | undefined }
}

/** Current resident memory in MiB. */
export const memoryOf = (sidecar: Running): Promise<number> => read(sidecar, 'VmRSS')

/** Peak resident memory in MiB. */
export const peakMemoryOf = (sidecar: Running): Promise<number> => read(sidecar, 'VmHWM')

async function read({ process: { pid } }: Running, what: string): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8')
  return Math.round(Number(new RegExp(`${what}:\\s+(\\d+) kB`).exec(status)?.[1]) / 1024)
}
