/** Questions over HTTP, on keep-alive connections separate from the load. */
import { once } from 'node:events'
import { Agent, get, type IncomingMessage } from 'node:http'

const agent = new Agent({ keepAlive: true })

/** Reads an answer completely. Resolves with its number of bytes. Rejects unless the status is 2xx. */
export async function ask(port: number, path: string): Promise<number> {
  const [res] = (await once(get({ port, path, agent, host: '127.0.0.1' }), 'response')) as [IncomingMessage]
  let bytes = 0
  for await (const chunk of res) bytes += (chunk as Buffer).length
  if (res.statusCode! >= 300) throw new Error(`${path} was answered with ${res.statusCode}`)
  return bytes
}

/** An answer parsed as JSON. Rejects unless the status is 2xx. */
export async function askJson<T>(port: number, path: string): Promise<T> {
  const answer = await fetch(`http://127.0.0.1:${port}${path}`)
  if (!answer.ok) throw new Error(`${path} was answered with ${answer.status}`)
  return (await answer.json()) as T
}
