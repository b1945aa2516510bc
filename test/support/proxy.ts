/** A TCP proxy that injects faults between a client and a server on the loopback interface. */
import { connect, createServer, type Socket } from 'node:net'

export interface TcpProxy extends AsyncDisposable {
  readonly port: number
  /** The connections of clients that are open. */
  readonly connections: number
  /** Connects new clients to another server, as a name does that a failover moves. */
  retarget(target: { readonly host: string; readonly port: number }): void
  /** Ends a connection instead of passing on the server's next answer, or the one behind `skip` more. Counts the connections that were ended so. */
  cutNextAnswer(skip?: number): void
  readonly cuts: number
  /** Ends all connections, and each new one at once, until it is thawed: the server is away. */
  refuse(): void
  /** Holds all bytes back in both directions, until it is thawed. */
  freeze(): void
  /** Ends the connections that were frozen, and passes bytes on again. */
  thaw(): void
}

export async function startProxy(first: { readonly host: string; readonly port: number }): Promise<TcpProxy> {
  let target = first
  const pairs = new Set<readonly [Socket, Socket]>()
  /** Answers that are passed on before the cut. Undefined without one. */
  let untilCut: number | undefined
  let isFrozen = false
  let isRefusing = false
  let cuts = 0
  const server = createServer(client => {
    if (isRefusing) return void client.destroy()
    const upstream = connect(target)
    const pair = [client, upstream] as const
    pairs.add(pair)
    const end = (): void => {
      pairs.delete(pair)
      client.destroy()
      upstream.destroy()
    }
    for (const socket of pair) socket.on('error', end).on('close', end)
    client.on('data', data => {
      if (!isFrozen) upstream.write(data)
    })
    upstream.on('data', data => {
      if (isFrozen) return
      if (untilCut === undefined || untilCut-- > 0) return void client.write(data)
      untilCut = undefined
      cuts++
      end()
    })
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return {
    port: (server.address() as { port: number }).port,
    get connections() {
      return pairs.size
    },
    retarget(other) {
      target = other
    },
    cutNextAnswer(skip = 0) {
      untilCut = skip
    },
    get cuts() {
      return cuts
    },
    refuse() {
      isRefusing = true
      for (const sockets of pairs) for (const socket of sockets) socket.destroy()
    },
    freeze() {
      isFrozen = true
    },
    thaw() {
      isFrozen = false
      isRefusing = false
      for (const sockets of pairs) for (const socket of sockets) socket.destroy()
    },
    async [Symbol.asyncDispose]() {
      for (const sockets of pairs) for (const socket of sockets) socket.destroy()
      await new Promise(resolve => server.close(resolve))
    },
  }
}
