/** A sidecar in this process, on a free port and a store in a temporary folder. */
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
  /** Posts JSON, or what is given as it is where it is text or bytes. */
  post(body: unknown, options?: { path?: string; headers?: Record<string, string> }): Promise<Response>
}

/** A log of which the test reads the lines. */
export function capturedLog(): { readonly log: Logger; readonly lines: Record<string, unknown>[] } {
  const lines: Record<string, unknown>[] = []
  return { log: createLog('info', { write: line => void lines.push(JSON.parse(line)) }), lines }
}

/** Starts one; `flags` are settings by their names. */
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

/** An attempt with the fields a test does not care about. */
export function anAttempt(more: Record<string, unknown> = {}): Record<string, unknown> {
  return { agent_name: 'a', model_name: 'm', issue_type: 'i', success: true, time_seconds: 1, ...more }
}
