/** An OpenTelemetry Collector that has the extension `file_storage` and the connector `spanmetrics`, such as the distribution otelcol-contrib. */
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { delimiter, join } from 'node:path'
import { runPinned, startPinned } from '../support/pinned.ts'
import type { Server } from '../support/servers.ts'
import { freePort } from './pushgateway.ts'

/** The binary that the variable OTELCOL names, else otelcol-contrib on the PATH. */
export const COLLECTOR: string | undefined =
  process.env.OTELCOL ??
  (process.env.PATH ?? '')
    .split(delimiter)
    .map(folder => join(folder, 'otelcol-contrib'))
    .find(path => existsSync(path))

/** The name and version that a Collector prints. */
export async function collectorVersion(binary: string): Promise<string> {
  return (await runPinned(binary, ['--version'])).trim()
}

/**
 * What a Collector does with requests. `logs` stand in a queue on disk with an fsync each, until they are sent on. `spans` become counts and
 * histograms by agent, model and issue type, in memory only.
 */
export type Pipeline = 'logs' | 'spans'

const DIMENSIONS = ['gen_ai.agent.name', 'gen_ai.request.model', 'agent.attempt.issue_type']

/** Starts one that writes to `folder`, and a server on the load generator's core that takes what it sends on. */
export async function startCollector(binary: string, pipeline: Pipeline, folder: string): Promise<Server> {
  const sink = createServer((req, res) => void req.resume().once('end', () => res.end())).listen(0, '127.0.0.1')
  await once(sink, 'listening')
  const port = await freePort()
  const file = join(folder, `collector-${pipeline}.yaml`)
  const receivers = { otlp: { protocols: { http: { endpoint: `127.0.0.1:${port}` } } } }
  const exporter = { endpoint: `http://127.0.0.1:${(sink.address() as AddressInfo).port}`, compression: 'none' }
  const config = pipeline === 'logs' ? queueConfig(exporter, folder) : metricsConfig(exporter)
  await writeFile(file, JSON.stringify({ receivers, ...config }))
  const pinned = startPinned(binary, ['--config', `file:${file}`])
  await pinned.says(/Everything is ready/)
  return {
    ...pinned,
    port,
    pid: pinned.process.pid!,
    async stop() {
      // The queue is not worth waiting for.
      await pinned.stop('SIGKILL')
      sink.close()
      sink.closeAllConnections()
    },
  }
}

/** Its own metrics are off: they would listen on a port. */
const telemetry = { metrics: { level: 'none' } }

function queueConfig(exporter: object, folder: string): object {
  const sending_queue = { storage: 'file_storage', queue_size: 1000, block_on_overflow: true }
  return {
    extensions: { file_storage: { directory: join(folder, 'collector-queue'), create_directory: true, fsync: true } },
    exporters: { otlp_http: { ...exporter, sending_queue } },
    service: {
      telemetry,
      extensions: ['file_storage'],
      pipelines: { logs: { receivers: ['otlp'], exporters: ['otlp_http'] } },
    },
  }
}

function metricsConfig(exporter: object): object {
  return {
    connectors: { spanmetrics: { dimensions: DIMENSIONS.map(name => ({ name })) } },
    exporters: { otlp_http: exporter },
    service: {
      telemetry,
      pipelines: {
        traces: { receivers: ['otlp'], exporters: ['spanmetrics'] },
        metrics: { receivers: ['spanmetrics'], exporters: ['otlp_http'] },
      },
    },
  }
}
