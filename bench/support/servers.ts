/** The servers of one run: the sidecar as a user starts it, and the floors it is held against. */
import { join } from 'node:path'
import { type Pinned, startPinned } from './pinned.ts'

const ROOT = new URL('../../', import.meta.url).pathname

export interface Server extends Pinned {
  readonly port: number
  readonly pid: number
}

export interface SidecarOptions {
  readonly store: string
  readonly args?: readonly string[]
  /** For Node itself, as `--cpu-prof`. */
  readonly nodeArgs?: readonly string[]
  /** 0, the default, for any that is free. */
  readonly port?: number
}

/**
 * For loads of many megabytes per second: a journal that soon reaches its limit, as it would in use. On a virtual machine, memory that is
 * touched for the first time costs several times as much as the work on it.
 */
export const FULL_JOURNAL: readonly string[] = ['--retention-bytes', '128MiB']

export function startSidecar({ store, args = [], nodeArgs = [], port = 0 }: SidecarOptions): Promise<Server> {
  const command = [
    ...nodeArgs,
    join(ROOT, 'src/main.ts'),
    'serve',
    '--listen',
    `127.0.0.1:${port}`,
    '--store',
    store,
    ...args,
  ]
  return listening(startPinned(process.execPath, command))
}

/**
 * `bare` parses and keeps nothing; `fsync` writes and syncs for every request, `written` for all that came together; `lines` parses each
 * line; `otlp-…` decodes.
 */
export type Floor = 'bare' | 'fsync' | 'written' | 'lines' | 'otlp-protobuf' | 'otlp-json'

/** Starts a floor; `folder` is where it writes. */
export function startFloor(floor: Floor, folder: string): Promise<Server> {
  return listening(startPinned(process.execPath, [join(ROOT, 'bench/floor.ts'), floor, folder]))
}

async function listening(pinned: Pinned): Promise<Server> {
  const [, port] = await pinned.says(/http:\/\/127\.0\.0\.1:(\d+)/)
  // taskset becomes the command it starts: the id stays.
  return { ...pinned, port: Number(port), pid: pinned.process.pid! }
}
