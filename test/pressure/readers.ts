/**
 * Clients that request large answers and stop reading them. Half of them keep sending bytes: the sidecar must not count that as progress,
 * and these clients notice when they are disconnected. The others stay silent, notice nothing, and reconnect after a while.
 */
import net from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'

const PATHS = [
  '/api/v1/metrics',
  '/api/v1/calibration?group_by=key',
  '/api/v1/report',
  '/api/v1/attempts?limit=1000',
  '/metrics',
  '/api/v1/success-rate?group_by=key',
]

export interface StoppedReaders {
  /** How often the sidecar disconnected a client that sends. */
  readonly cut: number
  stop(): void
}

const NOTICE_MS = 2000
const SILENT_MS = 30_000

/** Keeps `count` clients connected. Each sends several requests on its connection and reads nothing. */
export function startStoppedReaders(port: number, count: number): StoppedReaders {
  const sockets = new Set<net.Socket>()
  const readers = {
    cut: 0,
    stop() {
      stopped = true
      for (const socket of sockets) socket.destroy()
    },
  }
  let stopped = false

  async function one(path: string, isSilent: boolean): Promise<void> {
    while (!stopped) {
      const socket = net.connect({ port, host: '127.0.0.1' }).pause()
      sockets.add(socket)
      const closed = new Promise<void>(resolve => socket.once('close', () => resolve()).on('error', () => undefined))
      socket.write(`GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`.repeat(5))
      // HTTP ignores empty lines between requests. Writing to a closed connection makes this side notice.
      const probe = isSilent
        ? setTimeout(() => socket.destroy(), SILENT_MS)
        : setInterval(() => socket.write('\r\n'), NOTICE_MS)
      await closed
      clearTimeout(probe)
      sockets.delete(socket)
      if (stopped) return
      if (!isSilent) readers.cut++
      await pause(500)
    }
  }

  for (let i = 0; i < count; i++) void one(PATHS[i % PATHS.length]!, i % 2 === 0)
  return readers
}
