/** Prometheus pushgateway. It does not persist values here, and it replaces values instead of counting. */

import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { createServer } from 'node:net'
import { post } from '../support/http-load.ts'
import { startPinned } from '../support/pinned.ts'
import type { Server } from '../support/servers.ts'

const BINARY = '/usr/bin/prometheus-pushgateway'

export const hasPushgateway: boolean = existsSync(BINARY)

/** Starts one without persistence. With `check: false` it skips the consistency check of the metrics of all groups. */
export async function startPushgateway({ check }: { readonly check: boolean }): Promise<Server> {
  const port = await freePort()
  const args = [`--web.listen-address=127.0.0.1:${port}`, '--persistence.file=', '--log.level=info']
  const pinned = startPinned(BINARY, check ? args : [...args, '--push.disable-consistency-check'])
  await pinned.says(/Listening on|starting pushgateway/i)
  return { ...pinned, port, pid: pinned.process.pid! }
}

/** One push request with the values of an attempt, for each group. */
export function pushes(groups: number): Buffer[] {
  return Array.from({ length: groups }, (_, group) => {
    const labels = '{model="model-1",issue_type="issue-type-1"}'
    const text = [
      '# TYPE attempts_total counter',
      `attempts_total${labels} 17`,
      '# TYPE attempt_confidence gauge',
      `attempt_confidence${labels} 0.83`,
      '# TYPE attempt_seconds gauge',
      `attempt_seconds${labels} 12.5`,
      '',
    ].join('\n')
    return post(`/metrics/job/agents/instance/agent-${group}`, text, 'text/plain; version=0.0.4', 'PUT')
  })
}

/** A port that was free when this function closed it. Another process may take it. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  server.close()
  await once(server, 'close')
  return port
}
