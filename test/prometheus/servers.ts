/** Real servers for a test: Prometheus, Alertmanager, and a webhook that records its requests. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { expect } from 'vitest'
import { freePort } from '../support/free-port.ts'
import { startHttpServer } from '../support/http-server.ts'
import { PROMETHEUS } from './rule-files.ts'

/** A series and its value now, or its values over time. */
export interface Series {
  readonly metric: Readonly<Record<string, string>>
  readonly value?: readonly [number, string]
  readonly values?: readonly (readonly [number, string])[]
}

export interface PrometheusServer extends AsyncDisposable {
  readonly url: string
  /** The data of an API answer, such as `query?query=up`. Rejects with the error that Prometheus returns. */
  get(path: string): Promise<unknown>
  query(expr: string): Promise<readonly Series[]>
}

/** Starts Prometheus with the configuration in `folder` and the files beside it. */
export async function openPrometheus(folder: string): Promise<PrometheusServer> {
  const port = await freePort()
  const process = await openProcess(
    'prometheus',
    [
      `--config.file=${folder}/prometheus.yml`,
      `--storage.tsdb.path=${folder}/tsdb`,
      `--web.listen-address=127.0.0.1:${port}`,
    ],
    `http://127.0.0.1:${port}`,
  )
  const get = async (path: string): Promise<unknown> => {
    const answer = (await (await fetch(`${process.url}/api/v1/${path}`)).json()) as { data: unknown; error?: string }
    if (answer.error !== undefined) throw new Error(answer.error)
    return answer.data
  }
  return {
    ...process,
    get,
    query: async expr => ((await get(`query?query=${encodeURIComponent(expr)}`)) as { result: Series[] }).result,
  }
}

/** Starts a single Alertmanager with a configuration. */
export async function openAlertmanager(
  folder: string,
  config: string,
): Promise<{ readonly url: string } & AsyncDisposable> {
  await writeFile(join(folder, 'alertmanager.yml'), config)
  const port = await freePort()
  return openProcess(
    'prometheus-alertmanager',
    [
      `--config.file=${folder}/alertmanager.yml`,
      `--storage.path=${folder}/alertmanager`,
      `--web.listen-address=127.0.0.1:${port}`,
      '--cluster.listen-address=',
    ],
    `http://127.0.0.1:${port}`,
  )
}

/** An alert as Alertmanager posts it. */
export interface Delivered {
  readonly status: string
  readonly labels: Readonly<Record<string, string>>
  readonly annotations: Readonly<Record<string, string>>
  /** Of the request that brought it. */
  readonly authorization: string | undefined
  readonly atMs: number
}

/** A webhook that accepts every request. */
export async function openWebhook(): Promise<
  { readonly url: string; readonly delivered: readonly Delivered[] } & AsyncDisposable
> {
  const delivered: Delivered[] = []
  const server = await startHttpServer(async (req, res) => {
    const { alerts } = JSON.parse(await text(req)) as { alerts: Delivered[] }
    const { authorization } = req.headers
    delivered.push(...alerts.map(alert => ({ ...alert, authorization, atMs: Date.now() })))
    res.end()
  })
  return { ...server, url: `${server.url}/alerts`, delivered }
}

/** The targets and replacements of a copy of the committed configuration. */
export interface Copy {
  readonly sidecar: string
  readonly alertmanager?: string
  readonly tokenFile: string
  /** Replacements in the text of every file. */
  readonly replace: readonly (readonly [RegExp, string])[]
}

/** Copies prometheus.yml and the rules into `folder`. */
export async function copyConfiguration(
  folder: string,
  { sidecar, alertmanager, tokenFile, replace }: Copy,
): Promise<void> {
  const changed = (content: string): string => replace.reduce((all, [from, to]) => all.replaceAll(from, to), content)
  const main = await readFile(new URL('prometheus.yml', PROMETHEUS), 'utf8')
  const pointed = main
    .replace('sidecar:9464', sidecar)
    .replaceAll('alertmanager:9093', alertmanager ?? '127.0.0.1:9')
    .replace('/run/secrets/prometheus_token', tokenFile)
  await writeFile(join(folder, 'prometheus.yml'), changed(pointed))
  await mkdir(join(folder, 'rules'))
  for (const name of await readdir(new URL('rules/', PROMETHEUS))) {
    await writeFile(join(folder, 'rules', name), changed(await readFile(new URL(`rules/${name}`, PROMETHEUS), 'utf8')))
  }
}

async function openProcess(
  program: string,
  args: readonly string[],
  url: string,
): Promise<{ readonly url: string } & AsyncDisposable> {
  const child = spawn(program, args, { stdio: ['ignore', 'ignore', 'pipe'] })
  let log = ''
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    log += chunk
  })
  const ended = once(child, 'close')
  const ready = async (): Promise<boolean> => {
    if (child.exitCode !== null) throw new Error(`${program} ended: ${log}`)
    return (await fetch(`${url}/-/ready`).catch(() => undefined))?.ok === true
  }
  await expect.poll(ready, { timeout: 30_000, interval: 100 }).toBe(true)
  return {
    url,
    async [Symbol.asyncDispose]() {
      child.kill()
      await ended
    },
  }
}
