/**
 * `node test/senders/kill/run.ts [--direct | --collector] [SENDER…]`: sends attempts with ids by SDKs of several languages, kills the sidecar in the middle with
 * SIGKILL, starts it again, and counts what became of each attempt. Prints a table. Needs python3, node, go, mvn and cargo for their senders.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { cp, mkdir, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { setTimeout } from 'node:timers/promises'
import { promisify } from 'node:util'
import { freePort } from '../../support/free-port.ts'
import { startSidecarProcess, temporaryFolder } from '../../support/sidecar-process.ts'
import { createRelay, type Relay } from './relay.ts'

const run = promisify(execFile)
const say = (line: string): void => void process.stdout.write(`${line}\n`)
const HERE = new URL('.', import.meta.url).pathname
const BUILT = join(tmpdir(), 'agent-performance-kill')
/** Acknowledged attempts before the kill, and how long the sidecar is away before it starts. A sender makes ten attempts a second. */
const BEFORE = 40
const DOWN_MS = 3000
/** How long a sender goes on after the sidecar is back. */
const AFTER_MS = 8000

type Command = readonly [string, ...string[]]

/** Prepares a sender and returns the command that runs it, without its arguments. */
const SENDERS: ReadonlyMap<string, () => Promise<Command>> = new Map<string, () => Promise<Command>>([
  ['python', python],
  ['node', async () => [process.execPath, new URL('node/main.ts', import.meta.url).pathname]],
  ['go', async () => [await goBuild('go')]],
  ['java', java],
  ['rust', rust],
])

async function python(): Promise<Command> {
  const folder = join(BUILT, 'python')
  const packages = ['sdk', 'exporter-otlp-proto-http', 'exporter-otlp-proto-grpc']
  if (!existsSync(join(folder, 'installed'))) {
    await run('python3', ['-m', 'venv', folder])
    const pinned = packages.map(name => `opentelemetry-${name}==1.45.2`)
    await run(join(folder, 'bin/python'), ['-m', 'pip', 'install', '--quiet', ...pinned])
    await writeFile(join(folder, 'installed'), '')
  }
  return [join(folder, 'bin/python'), join(HERE, 'python/main.py')]
}

/** Copies the source of a sender to where it is built. Returns the folder. */
async function copySource(name: string): Promise<string> {
  const folder = join(BUILT, name)
  await mkdir(BUILT, { recursive: true })
  await cp(join(HERE, name), folder, { recursive: true })
  return folder
}

async function goBuild(name: string): Promise<string> {
  const folder = await copySource(name)
  await run('go', ['mod', 'tidy'], { cwd: folder })
  await run('go', ['build', '-o', 'main', '.'], { cwd: folder })
  return join(folder, 'main')
}

async function java(): Promise<Command> {
  const folder = await copySource('java')
  await run('mvn', ['-q', 'dependency:copy-dependencies', '-DoutputDirectory=lib'], { cwd: folder })
  await run('javac', ['-cp', 'lib/*', 'Main.java'], { cwd: folder })
  return ['java', '-cp', `${folder}:${folder}/lib/*`, 'Main']
}

async function rust(): Promise<Command> {
  const folder = await copySource('rust')
  await run('cargo', ['build', '--quiet', '--jobs', '1'], { cwd: folder, maxBuffer: 1 << 26 })
  return [join(folder, 'target/debug/kill')]
}

interface Case {
  readonly sender: string
  readonly command: Command
  readonly protocol: 'http' | 'grpc'
  /** The Collector between the sender and the sidecar. */
  readonly collector: string | undefined
}

interface Counts {
  readonly sent: number
  readonly kept: number
  readonly doubled: number
  /** Never arrived at the sidecar with success. */
  readonly lostBefore: number
  /** Acknowledged and not kept. */
  readonly lostByUs: number
  /** From the kill until the sidecar is ready again. */
  readonly awaySeconds: number
}

async function countCase({ sender, command, protocol, collector }: Case): Promise<Counts> {
  await using folder = await temporaryFolder()
  const [httpPort, grpcPort, relayPort, ...collectorPorts] = await Promise.all(Array.from({ length: 5 }, freePort))
  const listen = ['--listen', `127.0.0.1:${httpPort}`, '--otlp-grpc-listen', `127.0.0.1:${grpcPort}`]
  const start = () => startSidecarProcess(join(folder.path, 'a.json'), { args: listen })
  let sidecar = await start()
  const relay = createRelay({ protocol, port: relayPort!, to: protocol === 'grpc' ? grpcPort! : httpPort! })
  await relay.open()
  const between =
    collector === undefined
      ? undefined
      : await startCollector(collector, { protocol, relayPort: relayPort!, folder: folder.path, ports: collectorPorts })
  const endpoint = `http://127.0.0.1:${between?.port ?? relayPort}`
  const [file, ...args] = command
  const env = {
    ...process.env,
    OTEL_EXPORTER_OTLP_ENDPOINT: endpoint,
    OTEL_EXPORTER_OTLP_INSECURE: 'true',
    OTEL_EXPORTER_OTLP_PROTOCOL: protocol === 'grpc' ? 'grpc' : 'http/protobuf',
    OTEL_METRICS_EXPORTER: 'none',
    OTEL_BSP_SCHEDULE_DELAY: '500',
    OTEL_BLRP_SCHEDULE_DELAY: '500',
  }
  const child = spawn(file, [...args, protocol, sender], { env, stdio: ['pipe', 'pipe', 'ignore'] })
  const ended = once(child, 'exit')
  const printed = text(child.stdout)
  while (relay.acknowledged.size < BEFORE && child.exitCode === null) await setTimeout(10)
  const killedMs = performance.now()
  await Promise.all([sidecar.stop('SIGKILL'), relay.close()])
  await setTimeout(DOWN_MS)
  sidecar = await start()
  await relay.open()
  const awaySeconds = Math.round((performance.now() - killedMs) / 1000)
  await setTimeout(AFTER_MS)
  child.stdin.end()
  await ended
  const count = Number(await printed)
  await allAcknowledged(relay, 2 * count)
  const counts = await countKept(sidecar.url, idsOf(sender, count), relay)
  between?.process.kill('SIGKILL')
  await Promise.all([sidecar.stop(), relay.close()])
  return { ...counts, awaySeconds }
}

/** Waits until all attempts were acknowledged, or none for some time. A Collector retries for minutes. */
async function allAcknowledged(relay: Relay, all: number): Promise<void> {
  for (let before = -1, quiet = 0; relay.acknowledged.size < all && quiet < 30; quiet++) {
    if (relay.acknowledged.size !== before) quiet = 0
    before = relay.acknowledged.size
    await setTimeout(500)
  }
}

/** The ids that a sender gives to its attempts of each kind. */
const idsOf = (sender: string, count: number): readonly string[] =>
  ['log', 'span'].flatMap(kind =>
    Array.from({ length: count }, (_, n) => `${sender}-${kind}-${String(n).padStart(4, '0')}`),
  )

async function countKept(
  url: string,
  sent: readonly string[],
  { acknowledged }: Relay,
): Promise<Omit<Counts, 'awaySeconds'>> {
  const ids: string[] = []
  let cursor = ''
  do {
    const page = (await (await fetch(`${url}/api/v1/attempts?limit=100${cursor}`)).json()) as {
      readonly attempts: readonly { readonly attempt_id?: string }[]
      readonly next_cursor: string | null
    }
    ids.push(...page.attempts.map(({ attempt_id }) => attempt_id ?? ''))
    cursor = page.next_cursor === null ? '' : `&cursor=${encodeURIComponent(page.next_cursor)}`
  } while (cursor !== '')
  const kept = new Set(ids)
  return {
    sent: sent.length,
    kept: kept.size,
    doubled: ids.length - kept.size,
    lostBefore: sent.filter(id => !kept.has(id) && !acknowledged.has(id)).length,
    lostByUs: sent.filter(id => !kept.has(id) && acknowledged.has(id)).length,
  }
}

interface CollectorOptions {
  readonly protocol: Case['protocol']
  readonly relayPort: number
  readonly folder: string
  readonly ports: readonly number[]
}

async function startCollector(
  binary: string,
  options: CollectorOptions,
): Promise<{ readonly port: number; readonly process: ChildProcess }> {
  const { protocol, relayPort, folder, ports } = options
  const [port] = ports as [number]
  const exporter = protocol === 'grpc' ? 'otlp_grpc' : 'otlp_http'
  const endpoint = protocol === 'grpc' ? `127.0.0.1:${relayPort}` : `http://127.0.0.1:${relayPort}`
  const pipelines = Object.fromEntries(
    ['logs', 'traces', 'metrics'].map(signal => [signal, { receivers: ['otlp'], exporters: [exporter] }]),
  )
  const config = {
    receivers: { otlp: { protocols: { [protocol]: { endpoint: `127.0.0.1:${port}` } } } },
    exporters: {
      [exporter]: {
        endpoint,
        ...(protocol === 'grpc' && { tls: { insecure: true } }),
        retry_on_failure: { initial_interval: '500ms', max_interval: '2s' },
      },
    },
    service: { pipelines },
  }
  const file = join(folder, 'collector.yaml')
  await writeFile(file, JSON.stringify(config))
  const child = spawn(binary, ['--config', `file:${file}`], { stdio: ['ignore', 'ignore', 'pipe'] })
  await ready(child)
  return { port, process: child }
}

/** Reads on for as long as the Collector runs: a Go program ends when it writes to a closed standard error. */
function ready(collector: ChildProcess): Promise<void> {
  let said = ''
  return new Promise((resolve, reject) => {
    collector.stderr!.on('data', chunk => {
      if (said.length < 10_000) said += chunk
      if (said.includes('Everything is ready')) resolve()
    })
    collector.once('exit', code => reject(new Error(`the Collector ended with ${code}: ${said}`)))
  })
}

const names = process.argv.slice(2)
const wanted = [...SENDERS.keys()].filter(name => names.every(one => one.startsWith('--')) || names.includes(name))
const ways = [
  ...(names.includes('--collector') ? [] : [undefined]),
  ...(names.includes('--direct') ? [] : [await goBuild('collector')]),
]
say('| SDK | protocol | way | sidecar away | sent | kept | lost before the sidecar | lost by the sidecar | doubled |')
say('| --- | --- | --- | --- | --- | --- | --- | --- | --- |')
for (const sender of wanted) {
  const command = await SENDERS.get(sender)!()
  for (const through of ways) {
    for (const protocol of ['http', 'grpc'] as const) {
      const { awaySeconds, sent, kept, lostBefore, lostByUs, doubled } = await countCase({
        sender,
        command,
        protocol,
        collector: through,
      })
      const way = through === undefined ? 'direct' : 'Collector'
      const cells = [sender, protocol, way, `${awaySeconds} s`, sent, kept, lostBefore, lostByUs, doubled]
      say(`| ${cells.join(' | ')} |`)
      if (lostByUs + doubled > 0) process.exitCode = 1
    }
  }
}
