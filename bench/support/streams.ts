/** Readers of `GET /api/v1/stream` on bare sockets. They count bytes and parse nothing, so that a thousand of them need little CPU. */
import { connect, type Socket } from 'node:net'

export interface Streams {
  /** The fewest and the most bytes that a stream received since the last call. */
  takeBytes(): { readonly least: number; readonly most: number }
  close(): void
}

/** Opens `count` streams with the query `query`. Resolves when each has received its first event. Rejects if one is refused. */
export async function openStreams(port: number, query: string, count: number): Promise<Streams> {
  const bytes = new Float64Array(count)
  const sockets: Socket[] = []
  const open = (i: number): Promise<void> => {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const socket = connect({
      port,
      host: '127.0.0.1',
      onread: {
        buffer: shared,
        callback(length, buffer) {
          if (bytes[i] === 0) {
            const head = (buffer as Buffer).toString('latin1', 0, 12)
            if (head === 'HTTP/1.1 200') resolve()
            else reject(new Error(`a stream was answered with ${head}`))
          }
          bytes[i]! += length
          return true
        },
      },
    })
    sockets.push(socket)
    socket.once('error', reject)
    socket.write(`GET /api/v1/stream${query} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`)
    return promise
  }
  // A few at a time: the backlog of the listener is shorter than a thousand.
  for (let i = 0; i < count; i += AT_ONCE) {
    await Promise.all(Array.from({ length: Math.min(AT_ONCE, count - i) }, (_, j) => open(i + j)))
  }
  return {
    takeBytes() {
      const result = { least: Math.min(...bytes), most: Math.max(...bytes) }
      bytes.fill(0)
      return result
    },
    close() {
      for (const socket of sockets) socket.destroy()
    },
  }
}

const AT_ONCE = 100
/** One buffer for all sockets: what is read is only counted. */
const shared = Buffer.allocUnsafe(64 * 1024)
