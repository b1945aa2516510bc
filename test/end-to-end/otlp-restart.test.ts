/** Real exporters, while the sidecar is killed and restarted: every attempt counts once. */
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { type Encoding, logRecords, sendLogs, sendSpans, spans } from '../receive/otlp/telemetry.ts'
import { startSidecarProcess, temporaryFolder } from '../support/sidecar-process.ts'

const BATCHES = 40
const OF_BATCH = 20
/** Concurrent batches. */
const AT_ONCE = 6
const KILLS = 2

/** Makes a batch. The result exports it, with the same ids at each call, and resolves with 0 if the exporter succeeded. */
type Batch = (batch: number) => (url: string) => Promise<number>

const SENDERS: Record<string, (encoding: Encoding, gzip: boolean) => Batch> = {
  logs: (encoding, gzip) => batch => {
    const attempts = Array.from({ length: OF_BATCH }, (_, i) => ({
      agent_name: 'Fixer',
      model_name: 'm',
      issue_type: 'bug',
      success: i % 2 === 0,
      time_seconds: 1,
      attempt_id: `${batch}-${i}`,
    }))
    const records = logRecords(attempts)
    return url => sendLogs(`${url}/v1/`, encoding, records, { gzip })
  },
  traces: (encoding, gzip) => batch => {
    const attributes = {
      'gen_ai.operation.name': 'invoke_agent',
      'gen_ai.agent.name': 'Fixer',
      'gen_ai.request.model': 'm',
      'agent.attempt.issue_type': 'bug',
      batch,
    }
    const ended = spans(Array.from({ length: OF_BATCH }, (_, i) => ({ attributes, failed: i % 2 === 1 })))
    return url => sendSpans(`${url}/v1/`, encoding, ended, { gzip })
  },
}

// Each case waits seconds for the retries of an exporter. Therefore every encoding and signal is tested once, not every combination.
test.each([
  ['logs', 'protobuf', true],
  ['traces', 'json', false],
] as const)(
  '%s that are sent in %s (gzip: %s) while the sidecar is killed repeatedly count exactly once',
  async (signal, encoding, gzip) => {
    await using folder = await temporaryFolder()
    const store = join(folder.path, 'agent_performance.json')
    await using sidecars = new AsyncDisposableStack()
    let sidecar = sidecars.use(await startSidecarProcess(store))
    const { url } = sidecar
    const make = SENDERS[signal]!(encoding, gzip)
    let [next, sent] = [0, 0]
    const sendOn = async (): Promise<void> => {
      while (next < BATCHES) {
        const send = make(next++)
        // An exporter gives up after some retries, which take less than a slow restart.
        while ((await send(url)) !== 0);
        sent++
      }
    }
    const sending = Promise.all(Array.from({ length: AT_ONCE }, sendOn))
    for (let kill = 1; kill <= KILLS; kill++) {
      await expect.poll(() => sent, { timeout: 20_000, interval: 1 }).toBeGreaterThan((kill * BATCHES) / 4)
      await sidecar.stop('SIGKILL')
      sidecar = sidecars.use(await startSidecarProcess(store, { args: ['--listen', new URL(url).host] }))
    }
    await sending
    const { metrics } = (await (await fetch(`${url}/api/v1/metrics`)).json()) as { metrics: Record<string, unknown> }
    expect(metrics['Fixer:m:bug']).toMatchObject({
      total_attempts: BATCHES * OF_BATCH,
      successful_fixes: (BATCHES * OF_BATCH) / 2,
    })
  },
)
