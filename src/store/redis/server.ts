/** What a Redis server promises about what it stores. */
import type { Advisory } from '../../core/ports.ts'
import type { Connection } from './connection.ts'

/** Sentences about attempts that the server may lose. Throws where it may delete them at any time. */
export async function checkServer({ send }: Pick<Connection, 'send'>): Promise<Advisory[]> {
  const info = parseInfo(await send<string>('INFO'))
  const policy = info.get('maxmemory_policy')
  if (policy !== undefined && policy !== 'noeviction')
    throw new Error(
      `its maxmemory-policy is ${policy}, which deletes attempts when memory is full: set it to noeviction`,
    )
  if (info.get('role') === 'slave') throw new Error('it is a replica: give the URL of the primary server')
  const advisories: Advisory[] = []
  if (info.get('aof_enabled') !== '1')
    advisories.push({
      name: 'durability',
      detail: 'appendonly is off: a crash of the server loses attempts since its last RDB file',
    })
  else {
    const fsync = await setting(send, 'appendfsync')
    if (fsync !== 'always')
      advisories.push({
        name: 'durability',
        detail: `appendfsync is ${fsync ?? 'unknown'}: a crash of the server may lose acknowledged attempts of the last second`,
      })
  }
  if (Number(info.get('connected_slaves') ?? 0) > 0)
    advisories.push({
      name: 'failover',
      detail:
        'its replicas are asynchronous: a failover may lose acknowledged attempts, which only the sidecars that still run send again',
    })
  return advisories
}

/** Undefined where the server does not let the client see its configuration. */
async function setting(send: Connection['send'], name: string): Promise<string | undefined> {
  try {
    return (await send<string[]>('CONFIG', 'GET', name))[1]
  } catch {
    return undefined
  }
}

function parseInfo(text: string): Map<string, string> {
  return new Map(
    text.split(/\r?\n/).flatMap(line => {
      const at = line.indexOf(':')
      return at < 0 ? [] : [[line.slice(0, at), line.slice(at + 1)] as const]
    }),
  )
}
