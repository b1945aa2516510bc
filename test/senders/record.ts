/**
 * `node test/senders/record.ts [--out FOLDER] NAME…`: runs programs of agents against a stub model, and writes what their instrumentation
 * sends to test/fixtures/otlp/frameworks. Without a name it lists them. The packages are installed into a temporary folder, once a version.
 * A program has an empty home, and none of the environment: neither settings nor keys of the user reach it.
 */
import { execFile } from 'node:child_process'
import { hash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { copyFile, mkdir, rename, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs, promisify } from 'node:util'
import { temporaryFolder } from '../support/sidecar-process.ts'
import { startCapture } from './capture.ts'
import { print, reduce } from './reduce.ts'
import { SENDERS, type Sender } from './senders.ts'
import { startStubModel } from './stub-model.ts'

const run = promisify(execFile)
const say = (line: string): void => void process.stdout.write(`${line}\n`)
const PROGRAMS = new URL('programs/', import.meta.url).pathname
const FIXTURES = new URL('../fixtures/otlp/frameworks/', import.meta.url).pathname
const INSTALLED = join(tmpdir(), 'agent-performance-senders')
const TIMEOUT_MS = 600_000

/** Installs the packages of a sender unless they are there. Returns the command that runs its program. */
async function install({ language, packages, program }: Sender): Promise<readonly [string, ...string[]]> {
  const folder = join(INSTALLED, hash('sha256', packages.join(' ')).slice(0, 16))
  const file = join(PROGRAMS, program)
  if (language === 'python') {
    const python = join(folder, 'bin/python')
    await once(folder, async to => {
      await run('python3', ['-m', 'venv', to])
      await run(join(to, 'bin/python'), ['-m', 'pip', 'install', '--quiet', '--no-compile', ...packages], {
        maxBuffer: 1 << 26,
      })
    })
    return [python, file]
  }
  await once(folder, async to => {
    await mkdir(to, { recursive: true })
    await writeFile(join(to, 'package.json'), '{"type":"module","private":true}')
    await run('npm', ['install', '--silent', '--no-audit', '--no-fund', '--legacy-peer-deps', ...packages], { cwd: to })
  })
  // Node finds packages beside the file that imports them.
  const beside = join(folder, program)
  await copyFile(file, beside)
  return [process.execPath, beside]
}

/** A folder that exists is complete: an install that fails leaves another name. A Python environment cannot be moved, so that it has a mark. */
async function once(folder: string, fill: (folder: string) => Promise<void>): Promise<void> {
  const mark = join(folder, 'installed')
  if (existsSync(mark)) return
  await fill(folder)
  await writeFile(`${mark}.part`, '')
  await rename(`${mark}.part`, mark)
}

async function record(name: string, out: string): Promise<void> {
  const sender = SENDERS.get(name)
  if (sender === undefined) throw new Error(`there is no sender "${name}": run without a name for the list`)
  const [command, ...args] = await install(sender)
  await using model = await startStubModel()
  await using capture = await startCapture()
  await using home = await temporaryFolder()
  const env = {
    PATH: process.env.PATH,
    HOME: home.path,
    MODEL_URL: model.url,
    OPENAI_API_KEY: 'x',
    OPENAI_BASE_URL: `${model.url}/v1`,
    ANTHROPIC_API_KEY: 'x',
    ANTHROPIC_BASE_URL: model.url,
    GOOGLE_API_KEY: 'x',
    GOOGLE_GEMINI_BASE_URL: model.url,
    OTEL_EXPORTER_OTLP_ENDPOINT: capture.url,
    OTEL_EXPORTER_OTLP_PROTOCOL: 'http/protobuf',
    OTEL_SERVICE_NAME: name,
    ...sender.env,
  }
  const options = { env, cwd: home.path, timeout: TIMEOUT_MS, maxBuffer: 1 << 26 }
  const ended = await run(command, args, options).catch(error => error)
  for (const signal of sender.signals ?? ['traces']) {
    const requests = capture.requests.filter(one => one.signal === signal).map(one => one.request)
    if (requests.length === 0) throw new Error(`${name} sent no ${signal}: ${ended.stderr || ended.stdout || ended}`)
    await writeFile(join(out, `${name}.${signal}.json`), print(reduce(signal, requests, name)))
    say(`${name}: ${requests.length} requests of ${signal}`)
  }
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { out: { type: 'string', default: FIXTURES } },
})
if (positionals.length === 0) say([...SENDERS.keys()].join('\n'))
for (const name of positionals) {
  await record(name, values.out).catch(error => {
    say(`${name}: ${error instanceof Error ? error.message : error}`)
    process.exitCode = 1
  })
}
