/** One file of a spool: a line per attempt or outcome, and a line per batch that no longer has to be delivered. */
import { type DeliveryItem, itemId } from './delivery-item.ts'

type FileSystem = typeof import('node:fs')

/** A line of the file. The last line of a process that was killed may be torn. */
type Line = DeliveryItem | { readonly acknowledged: readonly string[] }

export interface SpoolFile {
  readonly path: string
  /** Size in bytes. */
  readonly bytes: number
  /** Throws if the disk is full or the file cannot be written. */
  append(items: readonly DeliveryItem[]): void
  acknowledge(items: readonly DeliveryItem[]): void
  /** Removes all lines. */
  clear(): void
  /** Tells other processes that this one is alive. False if the file is no longer at its path. */
  touch(): boolean
  close(): void
}

/** Creates a file that must not exist yet. Throws if it cannot. */
export function createSpoolFile(fs: FileSystem, path: string): SpoolFile {
  const descriptor = fs.openSync(path, 'ax', 0o600)
  let bytes = 0
  /** True if the last write failed: it may have left half a line. */
  let isTorn = false

  function write(lines: readonly Line[]): void {
    const text = `${isTorn ? '\n' : ''}${lines.map(line => `${JSON.stringify(line)}\n`).join('')}`
    isTorn = true
    const buffer = Buffer.from(text)
    for (let written = 0; written < buffer.length; ) written += fs.writeSync(descriptor, buffer, written)
    isTorn = false
    bytes += buffer.length
  }

  return {
    path,
    get bytes() {
      return bytes
    },
    append: write,
    acknowledge: items => write([{ acknowledged: items.map(itemId) }]),
    clear: () => {
      fs.ftruncateSync(descriptor)
      bytes = 0
      isTorn = false
    },
    touch: () => {
      const now = new Date()
      fs.futimesSync(descriptor, now, now)
      return fs.statSync(path, { throwIfNoEntry: false })?.ino === fs.fstatSync(descriptor).ino
    },
    close: () => fs.closeSync(descriptor),
  }
}

/** The items of a file that still have to be delivered, in order. Lines that cannot be read are counted in `unreadable`. */
export function readSpoolFile(fs: FileSystem, path: string): { items: DeliveryItem[]; unreadable: number } {
  const descriptor = fs.openSync(path, fs.constants.O_RDONLY | (fs.constants.O_NOFOLLOW ?? 0))
  let text: string
  try {
    text = fs.readFileSync(descriptor, 'utf8')
  } finally {
    fs.closeSync(descriptor)
  }
  const waiting = new Map<string, DeliveryItem>()
  let unreadable = 0
  for (const line of text.split('\n')) {
    if (line === '') continue
    const value = parsed(line)
    if (value === undefined) unreadable++
    else if ('acknowledged' in value) for (const id of value.acknowledged) waiting.delete(id)
    else waiting.set(itemId(value), value)
  }
  return { items: [...waiting.values()], unreadable }
}

function parsed(line: string): Line | undefined {
  try {
    const value = JSON.parse(line) as Line | null
    const isLine = typeof value === 'object' && value !== null && ('attempt_id' in value || 'acknowledged' in value)
    return isLine ? value : undefined
  } catch {
    return undefined
  }
}
