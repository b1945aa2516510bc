/** Follows a `Readable` of Node: what is piped, read by events, or iterated over. */
import type { Ending } from './ending.ts'

interface NodeStream {
  readonly readableEnded: boolean
  readonly errored?: Error | null
  once(event: 'end' | 'close', listener: () => void): unknown
}

export function isNodeStream(value: object): value is NodeStream {
  const { once, pipe } = value as { once?: unknown; pipe?: unknown }
  return 'readableEnded' in value && typeof once === 'function' && typeof pipe === 'function'
}

/** Listens to no `error` event: a listener would hide an error that the caller does not handle. `close` follows each error. */
export function followNodeStream(stream: NodeStream, ending: Ending): void {
  stream.once('end', ending.done)
  stream.once('close', () => {
    if (stream.errored != null) ending.failed(stream.errored)
    else if (stream.readableEnded) ending.done()
    else ending.cancelled()
  })
}
