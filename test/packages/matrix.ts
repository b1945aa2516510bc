/**
 * `npm run test:packages`: the package of the library beside each release of OpenTelemetry JS, in each runtime: every Node on the PATH, Node 20,
 * 22, 24 and 26, Bun and Deno from npm. Prints a table, and exits with 1 if anything differs from what is promised. Takes some minutes.
 */
import { copyFile, mkdir, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { expectedOfAiSdk } from '../adapters/expected.ts'
import { ADAPTERS, exampleOf, openFrameworkProject } from '../adapters/frameworks.ts'
import { AI_RECORDED, AI_STREAMS, IMPORT_AND_REQUIRE, PRINTED_NAMES, PROMETHEUS_NAMES } from './programs.ts'
import { bytesIn, installed, OTEL_RELEASES, openProject, packBoth, programs, ROOT, type Run, run } from './project.ts'

const ADAPTER_PROGRAMS = join(ROOT, 'test/adapters/programs')

const RUNTIMES = [
  ['node@20', 'node'],
  ['node@22', 'node'],
  ['node@24', 'node'],
  ['node@26', 'node'],
  ['bun', 'bun'],
  ['deno', 'deno'],
] as const

let failures = 0
function say(what: string, isRight: boolean, detail = ''): void {
  if (!isRight) failures++
  console.log(`${isRight ? 'ok  ' : 'FAIL'} ${what}${detail === '' ? '' : `: ${detail}`}`)
}

const { client, sidecar, folder } = await packBoth()

/** Programs of the PATH and of npm, each with its version. A runtime that npm cannot install is a visible skip. */
async function runtimes(): Promise<{ name: string; path: string }[]> {
  const found = await Promise.all(['node', 'bun', 'deno'].map(async name => await programs(name)))
  const all = found.flat().map(path => ({ name: path, path }))
  for (const [spec, name] of RUNTIMES) {
    const target = join(folder, spec)
    await mkdir(target)
    const allowScripts = { node: true, bun: true, deno: true }
    await writeFile(join(target, 'package.json'), JSON.stringify({ private: true, allowScripts }))
    await run('npm', ['install', '--no-audit', '--no-fund', spec], target)
    const path = join(target, 'node_modules/.bin', name)
    const version = await run(path, ['--version'], folder).catch(() => undefined)
    if ((await stat(path).catch(() => undefined)) === undefined || version?.code !== 0)
      console.log(`skip ${spec}: npm installs no program for this machine`)
    else all.push({ name: `${spec} (${version.stdout.trim().split('\n')[0]})`, path })
  }
  return all
}

/** Checks the examples against the types of the frameworks. */
async function checkExamples(path: string): Promise<Run> {
  const files = ADAPTERS.map(name => `${name}.ts`)
  for (const name of ADAPTERS) await writeFile(join(path, `${name}.ts`), await exampleOf(name))
  const compilerOptions = {
    module: 'nodenext',
    target: 'es2024',
    lib: ['es2024', 'dom', 'dom.iterable', 'esnext.disposable'],
    strict: true,
    exactOptionalPropertyTypes: true,
    noEmit: true,
    skipLibCheck: true,
    allowImportingTsExtensions: true,
    types: ['node'],
    typeRoots: [join(ROOT, 'node_modules/@types')],
  }
  await writeFile(join(path, 'tsconfig.json'), JSON.stringify({ compilerOptions, files }))
  return await run(join(ROOT, 'node_modules/.bin/tsc'), [], path)
}

const all = await runtimes()
for (const { name, packages } of OTEL_RELEASES) {
  await using project = await openProject([client, ...packages])
  say(
    `OpenTelemetry ${name}: installs without a warning`,
    project.install.code === 0 && project.install.stderr === '',
    project.install.stderr,
  )
  const names = await project.script('node', 'names.mjs', PROMETHEUS_NAMES)
  say(
    `OpenTelemetry ${name}: names in the user's exporter`,
    names.stdout === `${JSON.stringify(PRINTED_NAMES)}\n`,
    names.stderr || names.stdout.trim(),
  )
  for (const runtime of all) {
    const { stdout, stderr } = await project.script(runtime.path, 'both.mjs', IMPORT_AND_REQUIRE)
    say(`OpenTelemetry ${name}: ${runtime.name}`, stdout.includes('"closed":true'), stderr.slice(0, 300))
  }
}

for (const release of ['ai@5', 'ai@6', 'ai@7']) {
  await using project = await openProject([client, release, 'zod'])
  const { stdout, stderr } = await project.script('node', 'ai.mjs', AI_STREAMS)
  say(`${release}: results of streamText`, stdout === `${JSON.stringify(AI_RECORDED)}\n`, stderr || stdout)
  for (const file of ['recording.mjs', 'ai-sdk.mjs'])
    await copyFile(join(ADAPTER_PROGRAMS, file), join(project.path, file))
  const adapted = await run('node', ['ai-sdk.mjs'], project.path)
  const expected = expectedOfAiSdk(Number(release.slice('ai@'.length)))
  const isRight = adapted.code === 0 && isDeepStrictEqual(JSON.parse(adapted.stdout), expected)
  say(`${release}: the adapter`, isRight, adapted.stderr || adapted.stdout)
}

{
  await using project = await openFrameworkProject()
  const { code, stdout } = await checkExamples(project.path)
  say('the examples of docs/frameworks.md are typed', code === 0, stdout)
}

for (const [name, archive] of [
  ['agent-performance-client', client],
  ['agent-performance', sidecar],
] as const) {
  await using project = await openProject([archive, '@opentelemetry/api@1.10.0'])
  const { packages, bytes } = await installed(project)
  const own = await bytesIn(join(project.path, 'node_modules', name))
  console.log(
    `${name}: ${(own / 1e6).toFixed(2)} MB, with all it brings ${packages} packages and ${(bytes / 1e6).toFixed(1)} MB`,
  )
}
await rm(folder, { recursive: true })
process.exitCode = failures === 0 ? 0 : 1
