/** Starts to listen on the address of the settings. */
import type { AddressInfo, Server } from 'node:net'

export interface ListenOptions {
  /** A name or an address. An IPv6 address has no brackets. */
  readonly host: string
  /** 0 selects a free port. */
  readonly port: number
}

/** Resolves with the URL once the server listens. Rejects with the system error if it cannot. */
export async function listen(server: Server, scheme: 'http' | 'https', { host, port }: ListenOptions): Promise<string> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen({ host, port }, () => {
      server.off('error', reject)
      resolve()
    })
  })
  const { port: actual } = server.address() as AddressInfo
  return `${scheme}://${host.includes(':') ? `[${host}]` : host}:${actual}`
}
