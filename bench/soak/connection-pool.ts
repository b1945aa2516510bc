/** Keep-alive connections to one port that reconnect after a loss, for a server that is killed and restarted. */
import { type Connection, openConnection } from '../support/http-load.ts'

const RECONNECT_MS = 50

export interface ConnectionPool {
  /** Sends a request on an idle connection. Returns false if there is none. */
  send(request: Buffer, onAnswer: (status: number) => void): boolean
  /** Closes all connections. They do not reconnect. */
  close(): void
}

export interface PoolEvents {
  /** A connection became idle because it connected. */
  onConnected(): void
  /** A connection was lost before the answer to this request. */
  onLost(request: Buffer): void
}

interface Pooled {
  readonly connection: Connection
  /** The request in flight. */
  request: Buffer | undefined
}

export function openConnectionPool(port: number, connections: number, events: PoolEvents): ConnectionPool {
  const idle: Pooled[] = []
  const open = new Set<Pooled>()
  let isClosed = false

  async function connect(): Promise<void> {
    let pooled: Pooled | undefined
    const lost = (): void => {
      if (pooled === undefined) return
      open.delete(pooled)
      const index = idle.indexOf(pooled)
      if (index >= 0) idle.splice(index, 1)
      if (pooled.request !== undefined) events.onLost(pooled.request)
      reconnect()
    }
    try {
      pooled = { connection: await openConnection(port, lost), request: undefined }
      open.add(pooled)
      idle.push(pooled)
      events.onConnected()
    } catch {
      reconnect()
    }
  }

  function reconnect(): void {
    if (!isClosed) setTimeout(connect, RECONNECT_MS)
  }

  for (let i = 0; i < connections; i++) void connect()
  return {
    send(request, onAnswer) {
      const pooled = idle.pop()
      if (pooled === undefined) return false
      pooled.request = request
      pooled.connection.send(request, status => {
        pooled.request = undefined
        if (open.has(pooled)) idle.push(pooled)
        onAnswer(status)
      })
      return true
    },
    close() {
      isClosed = true
      for (const { connection } of open) connection.close()
    },
  }
}
