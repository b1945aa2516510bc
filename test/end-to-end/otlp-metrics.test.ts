/** Clients that send only metrics: the sidecar reports exactly what their instruments counted, also after restarts of either side. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { describe, expect, test } from 'vitest'
import { type SidecarProcess, startSidecarProcess, temporaryFolder } from '../support/sidecar-process.ts'

const APP = new URL('metrics-app.ts', import.meta.url).pathname

interface App {
  fix(count: number, success: boolean): void
  /** Resolves with the exporter's code: 0 if everything was accepted. */
  export(): Promise<string>
  end(): Promise<void>
}

function startApp(url: string, temporality: string, encoding = 'protobuf'): App {
  const env = {
    ...process.env,
    OTEL_EXPORTER_OTLP_ENDPOINT: url,
    OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE: temporality,
    OTEL_EXPORTER_OTLP_COMPRESSION: 'gzip',
    OTEL_EXPORTER_OTLP_TIMEOUT: '60000',
  }
  const child: ChildProcess = spawn(process.execPath, [APP, encoding], { env, stdio: ['pipe', 'pipe', 'inherit'] })
  const lines = createInterface({ input: child.stdout! })[Symbol.asyncIterator]()
  const ended = once(child, 'exit')
  return {
    fix: (count, success) => child.stdin!.write(`fix ${count} ${success}\n`),
    async export() {
      child.stdin!.write('export\n')
      return (await lines.next()).value ?? 'ended'
    },
    async end() {
      child.stdin!.end()
      await ended
    },
  }
}

/** The documented record of the only key, and its exposed metrics. */
async function answers(sidecar: SidecarProcess): Promise<{ readonly metrics: unknown; readonly exposed: string }> {
  const { metrics } = (await (await fetch(`${sidecar.url}/api/v1/metrics`)).json()) as {
    metrics: Record<string, unknown>
  }
  const exposed = await (await fetch(`${sidecar.url}/metrics`)).text()
  return { metrics: metrics['Fixer:llama3:8b:bug'], exposed }
}

async function expectCounted(sidecar: SidecarProcess, successful: number, failed: number): Promise<void> {
  const { metrics, exposed } = await answers(sidecar)
  const total = successful + failed
  expect(metrics).toMatchObject({
    total_attempts: total,
    successful_fixes: successful,
    failed_fixes: failed,
    avg_confidence: 0.75,
    avg_time_seconds: 0.25,
  })
  const value = (name: string, label: string): number =>
    Number(new RegExp(`^${name}\\{[^}]*${label}[^}]*\\} (\\S+)$`, 'm').exec(exposed)?.[1])
  expect(value('agent_attempts_total', 'result="success"')).toBe(successful)
  expect(value('agent_attempt_duration_seconds_count', 'result="failure"')).toBe(failed)
  expect(value('agent_attempt_duration_seconds_bucket', 'result="success",le="0.4"')).toBe(successful)
  expect(value('agent_attempt_confidence_bucket', 'result="success",le="0.8"')).toBe(successful)
  expect(value('agent_attempt_tokens_total', 'token_type="input"')).toBe(total * 10)
  expect(value('agent_attempt_cost_usd_total', 'agent_name="Fixer"')).toBeCloseTo(total * 0.5)
}

describe.each([
  ['cumulative', 'json'],
  ['delta', 'protobuf'],
])('metrics of %s temporality in %s', (temporality, encoding) => {
  test('count once, with the app restarted, the sidecar killed between exports, and killed during one', async () => {
    await using folder = await temporaryFolder()
    const store = join(folder.path, 'agent_performance.json')
    await using sidecars = new AsyncDisposableStack()
    const start = async (...args: string[]): Promise<SidecarProcess> =>
      sidecars.use(await startSidecarProcess(store, { args: ['--otlp-metrics', ...args] }))
    let sidecar = await start()
    const listen = new URL(sidecar.url).host
    const restart = async (): Promise<void> => {
      await sidecar.stop('SIGKILL')
      sidecar = await start('--listen', listen)
    }
    let app = startApp(sidecar.url, temporality, encoding)
    app.fix(3, true)
    app.fix(1, false)
    expect(await app.export()).toBe('exported 0')
    await expectCounted(sidecar, 3, 1)
    expect(await app.export()).toBe('exported 0')
    await restart()
    await expectCounted(sidecar, 3, 1)
    app.fix(2, true)
    expect(await app.export()).toBe('exported 0')
    await expectCounted(sidecar, 5, 1)
    for (let round = 0; round < 3; round++) {
      app.fix(1, true)
      const exported = app.export()
      await restart()
      expect(await exported).toBe('exported 0')
    }
    await expectCounted(sidecar, 8, 1)
    await app.end()
    app = startApp(sidecar.url, temporality, encoding)
    app.fix(4, false)
    expect(await app.export()).toBe('exported 0')
    await expectCounted(sidecar, 8, 5)
    await app.end()
    await sidecar.stop()
    sidecar = await start('--listen', listen)
    await expectCounted(sidecar, 8, 5)
  })
})

test('metrics that are not enabled are accepted and ignored, and their points counted', async () => {
  await using folder = await temporaryFolder()
  await using sidecar = await startSidecarProcess(join(folder.path, 's.json'))
  const app = startApp(sidecar.url, 'cumulative')
  app.fix(2, true)
  expect(await app.export()).toBe('exported 0')
  const { metrics, exposed } = await answers(sidecar)
  expect(metrics).toBeUndefined()
  expect(exposed).toMatch(/^agent_performance_otlp_ignored_total\{signal="metrics"\} [1-9]/m)
  expect(exposed).toMatch(/^agent_performance_otlp_ignored_total\{signal="logs"\} 0$/m)
  await app.end()
})
