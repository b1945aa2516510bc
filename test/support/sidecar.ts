/** A sidecar in this process, on a free port, with a store in a temporary folder. */
import { join } from 'node:path'
import type { Logger } from 'pino'
import { loadConfig } from '../../src/config/config.ts'
import { createLog } from '../../src/server/log.ts'
import { type Sidecar, startSidecar } from '../../src/sidecar.ts'
import { temporaryFolder } from './sidecar-process.ts'

export interface TestSidecar extends AsyncDisposable {
  readonly url: string
  readonly sidecar: Sidecar
  readonly store: string
  get(path: string, headers?: Record<string, string>): Promise<Response>
  /** Posts `body`: text or bytes unchanged, other values as JSON. */
  post(body: unknown, options?: { path?: string; headers?: Record<string, string> }): Promise<Response>
}

/** A log whose lines the test can read. */
export function capturedLog(): { readonly log: Logger; readonly lines: Record<string, unknown>[] } {
  const lines: Record<string, unknown>[] = []
  return { log: createLog('info', { write: line => void lines.push(JSON.parse(line)) }), lines }
}

/** Starts a sidecar. `flags` are settings by name. It is closed at the end of the scope. */
export async function testSidecar(
  flags: Record<string, unknown> = {},
  log: Logger = createLog('silent'),
): Promise<TestSidecar> {
  const folder = await temporaryFolder()
  const store = join(folder.path, 'agent_performance.json')
  const { config } = loadConfig({ flags: { listen: '127.0.0.1:0', store, ...flags }, env: {} })
  const sidecar = await startSidecar(config, log)
  return {
    url: sidecar.url,
    sidecar,
    store,
    get: (path, headers = {}) => fetch(sidecar.url + path, { headers }),
    post: (body, { path = '/api/v1/attempts', headers = {} } = {}) =>
      fetch(sidecar.url + path, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json', ...headers },
        body: typeof body === 'string' || body instanceof Uint8Array ? (body as string) : JSON.stringify(body),
      }),
    async [Symbol.asyncDispose]() {
      await sidecar.close()
      await folder[Symbol.asyncDispose]()
    },
  }
}

/** A valid attempt, in which `more` adds or overrides fields. */
export function anAttempt(more: Record<string, unknown> = {}): Record<string, unknown> {
  return { agent_name: 'a', model_name: 'm', issue_type: 'i', success: true, time_seconds: 1, ...more }
}
