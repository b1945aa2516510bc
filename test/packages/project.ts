/** Temporary projects that install the packed packages, as a user does. */
import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

export const ROOT: string = new URL('../../', import.meta.url).pathname
export const CLIENT: string = join(ROOT, 'clients/javascript')

/** A release of OpenTelemetry JS, with the packages of it that a coordinator with a Prometheus exporter installs. */
export interface OtelRelease {
  readonly name: string
  readonly packages: readonly string[]
}

const release = (name: string, api: string, sdk: string, exporter: string, trace: string): OtelRelease => ({
  name,
  packages: [
    `@opentelemetry/api@${api}`,
    `@opentelemetry/sdk-metrics@${sdk}`,
    `@opentelemetry/exporter-prometheus@${exporter}`,
    trace,
  ],
})

export const OTEL_RELEASES: readonly OtelRelease[] = [
  release('1.x', '1.9.0', '1.30.1', '0.57.2', '@opentelemetry/sdk-trace-base@1.30.1'),
  release('2.x', '1.9.1', '2.12.0', '0.223.0', '@opentelemetry/sdk-trace-base@2.12.0'),
  release('3.x', '1.10.0', '3.1.0', '0.301.0', '@opentelemetry/sdk-trace@3.1.0'),
]

export interface Run {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/** Runs a program and waits for its end. Never rejects because of its exit code. */
export async function run(
  program: string,
  args: readonly string[],
  cwd: string,
  env: Readonly<Record<string, string>> = {},
): Promise<Run> {
  const options = { cwd, env: { ...process.env, ...env }, maxBuffer: 10_000_000 }
  try {
    return { code: 0, ...(await promisify(execFile)(program, args, options)) }
  } catch (error) {
    const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string }
    if (typeof code !== 'number') throw error
    return { code, stdout, stderr }
  }
}

/** Packs a package whose files are built, and returns the path of the archive. */
export async function pack(folder: string, target: string): Promise<string> {
  const { code, stdout, stderr } = await run(
    'npm',
    ['pack', '--ignore-scripts', '--json', '--pack-destination', target],
    folder,
  )
  if (code !== 0) throw new Error(stderr)
  const [packed] = JSON.parse(stdout) as { filename: string }[]
  return join(target, packed!.filename)
}

export interface Project {
  readonly path: string
  /** What npm printed while it installed the packages. */
  readonly install: Run
  /** Writes a file and runs it with a program of the PATH, or at a path. */
  script(program: string, name: string, text: string): Promise<Run>
  [Symbol.asyncDispose](): Promise<void>
}

/** A project with these packages. `--strict-peer-deps` makes each conflict of peer dependencies an error. */
export async function openProject(packages: readonly string[]): Promise<Project> {
  const path = await mkdtemp(join(tmpdir(), 'package-'))
  await writeFile(join(path, 'package.json'), '{ "private": true }')
  const flags = ['--strict-peer-deps', '--no-audit', '--no-fund', '--prefer-offline', '--loglevel=warn']
  const install = await run('npm', ['install', ...flags, ...packages], path)
  return {
    path,
    install,
    script: async (program, name, text) => {
      await writeFile(join(path, name), text)
      const args = program.endsWith('deno') ? ['run', '-A', name] : [name]
      return await run(program, args, path, { NODE_PATH: '', NODE_OPTIONS: '' })
    },
    [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }),
  }
}

/** The number of installed packages and their size on disk in bytes, as the sum of their files. */
export async function installed(project: Project): Promise<{ readonly packages: number; readonly bytes: number }> {
  const lock = JSON.parse(await readFile(join(project.path, 'node_modules/.package-lock.json'), 'utf8')) as {
    packages: Record<string, unknown>
  }
  return { packages: Object.keys(lock.packages).length, bytes: await bytesIn(join(project.path, 'node_modules')) }
}

export async function bytesIn(folder: string): Promise<number> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  const sizes = entries
    .filter(entry => entry.isFile())
    .map(async entry => (await stat(join(entry.parentPath, entry.name))).size)
  return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0)
}

/** The programs named so on the PATH, without those of this project. */
export async function programs(name: string): Promise<string[]> {
  const folders = (process.env.PATH ?? '')
    .split(':')
    .filter(folder => folder !== '' && !folder.includes('node_modules'))
  const paths = [...new Set(folders)].map(folder => join(folder, name))
  const found = await Promise.all(paths.map(async path => ((await stat(path).catch(() => undefined)) ? [path] : [])))
  return found.flat()
}

/** What the builds read, and what they write. `npm run check` has built both packages, and a build takes ten seconds of CPU. */
const BUILDS = [
  {
    script: 'build',
    reads: ['src', 'package.json', 'tsconfig.json', 'tsconfig.build.json'],
    writes: async () => {
      const sources = await readdir(join(ROOT, 'src'), { recursive: true })
      const built = sources.filter(name => name.endsWith('.ts') && !name.startsWith('page/app'))
      return built.map(name => join('dist', name.replace(/\.ts$/, '.js')))
    },
  },
  {
    script: 'build:client',
    reads: [
      'src',
      'tsconfig.json',
      'clients/javascript/build.ts',
      'clients/javascript/tsconfig.json',
      'docs/library.md',
    ],
    // It copies the pages last.
    writes: async () =>
      ['dist/esm/index.js', 'dist/cjs/index.js', 'frameworks.md'].map(name => join('clients/javascript', name)),
  },
] as const

/** Whether all files that a build writes exist and are newer than all that it reads. A removed file changes the time of its folder. */
async function isNewer(writes: () => Promise<readonly string[]>, reads: readonly string[]): Promise<boolean> {
  const timeOf = async (path: string): Promise<number> => (await stat(join(ROOT, path))).mtimeMs
  const inputs = await Promise.all(
    reads.map(async path => {
      const isFolder = (await stat(join(ROOT, path))).isDirectory()
      const names = isFolder ? await readdir(join(ROOT, path), { recursive: true }) : []
      return [path, ...names.map(name => join(path, name))]
    }),
  )
  const newest = Math.max(...(await Promise.all(inputs.flat().map(timeOf))))
  const times = await Promise.all((await writes()).map(path => timeOf(path).catch(() => 0)))
  return times.every(time => time > newest)
}

/** Packs both packages, and builds them first if their sources have changed. */
export async function packBoth(): Promise<{ client: string; sidecar: string; folder: string }> {
  const folder = await mkdtemp(join(tmpdir(), 'packed-'))
  await mkdir(folder, { recursive: true })
  for (const { script, reads, writes } of BUILDS) {
    if (await isNewer(writes, reads)) continue
    const { code, stdout, stderr } = await run('npm', ['run', script], ROOT)
    if (code !== 0) throw new Error(`${stdout}${stderr}`)
  }
  const [client, sidecar] = await Promise.all([pack(CLIENT, folder), pack(ROOT, folder)])
  return { client, sidecar, folder }
}
