/** The servers of a run: the sidecar, started by its command, and the baseline servers. */
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
  /** Options of Node, such as `--cpu-prof`. */
  readonly nodeArgs?: readonly string[]
  /** 0, the default, selects a free port. */
  readonly port?: number
}

/**
 * A small journal limit for loads of many megabytes per second, so that the journal is full, as under sustained load. A virtual machine
 * gets its memory page by page, and the first use of a page costs several times the server's work on it.
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
 * `bare` parses and stores nothing. `fsync` writes and syncs per request, `written` per group of requests. `lines` parses each line.
 * `otlp-…` decodes OTLP.
 */
export type Floor = 'bare' | 'fsync' | 'written' | 'lines' | 'otlp-protobuf' | 'otlp-spans' | 'otlp-json'

/** Starts a baseline server that writes to `folder`. */
export function startFloor(floor: Floor, folder: string): Promise<Server> {
  return listening(startPinned(process.execPath, [join(ROOT, 'bench/floor.ts'), floor, folder]))
}

async function listening(pinned: Pinned): Promise<Server> {
  const [, port] = await pinned.says(/http:\/\/127\.0\.0\.1:(\d+)/)
  // taskset replaces itself by the command, so the process id stays valid.
  return { ...pinned, port: Number(port), pid: pinned.process.pid! }
}
