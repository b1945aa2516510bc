import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  ADAPTER_EXPORTS,
  ADAPTERS,
  CONSUMER,
  EDGE,
  IMPORT_AND_REQUIRE,
  PRINTED_NAMES,
  PROMETHEUS_NAMES,
} from './programs.ts'
import {
  bytesIn,
  CLIENT,
  installed,
  OTEL_RELEASES,
  openProject,
  type Project,
  packBoth,
  programs,
  ROOT,
  run,
} from './project.ts'

/** The client alone, beside OpenTelemetry 2.x, and both packages beside 3.x. `npm run test:packages` runs all releases and runtimes. */
let alone: Project
let both: Project
let folder: string

beforeAll(async () => {
  const packed = await packBoth()
  folder = packed.folder
  const [, second, third] = OTEL_RELEASES
  alone = await openProject([packed.client, ...second!.packages])
  both = await openProject([packed.client, packed.sidecar, ...third!.packages])
}, 300_000)

afterAll(async () => {
  await Promise.all([alone?.[Symbol.asyncDispose](), both?.[Symbol.asyncDispose](), rm(folder, { recursive: true })])
})

interface Manifest {
  readonly version: string
  readonly dependencies?: object
  readonly peerDependencies?: Readonly<Record<string, string>>
  readonly peerDependenciesMeta?: Readonly<Record<string, { readonly optional?: boolean }>>
  readonly exports: object
  readonly repository: { readonly url: string }
  readonly homepage: string
  readonly bugs: string
}

const manifestOf = async (path: string): Promise<Manifest> =>
  JSON.parse(await readFile(join(path, 'package.json'), 'utf8')) as Manifest

describe('the package of the library', () => {
  it('installs without a warning beside OpenTelemetry JS 2.x, and without a conflict beside 3.x and the sidecar', () => {
    expect(alone.install).toMatchObject({ code: 0, stderr: '' })
    // npm mentions the install script of protobufjs, which a dependency of the sidecar brings.
    expect(both.install).toMatchObject({
      code: 0,
      stderr: expect.not.stringMatching(/ERESOLVE|peer|EBADENGINE|deprecated/),
    })
  })

  it('is less than a megabyte, and brings no other package', async () => {
    const path = join(alone.path, 'node_modules/agent-performance-client')
    expect(await bytesIn(path)).toBeLessThan(1_000_000)
    const manifest = await manifestOf(path)
    expect(manifest.dependencies).toBeUndefined()
    const isRequired = ([name]: [string, string]): boolean => manifest.peerDependenciesMeta?.[name]?.optional !== true
    const required = Object.entries(manifest.peerDependencies ?? {}).filter(isRequired)
    expect(Object.fromEntries(required)).toEqual({ '@opentelemetry/api': '^1.9.0' })
    expect((await installed(alone)).packages).toBeLessThan(12)
  })

  it('can be imported and required in one program, and both forms share what they deliver to', async () => {
    expect(await alone.script(process.execPath, 'both.mjs', IMPORT_AND_REQUIRE)).toMatchObject({
      code: 0,
      stderr: '',
      stdout: `${JSON.stringify({ closed: true, names: ['imported', 'required', 'stream'], same: true })}\n`,
    })
  })

  it.for(['node', 'bun', 'deno'])('runs with each %s on the PATH', async (name, { skip }) => {
    const found = await programs(name)
    if (found.length === 0) skip(`${name} is not installed`)
    for (const program of found) {
      const ran = await alone.script(program, 'both.mjs', IMPORT_AND_REQUIRE)
      expect(ran, program).toMatchObject({ code: 0, stdout: expect.stringContaining('"closed":true') })
    }
  })

  it('runs where there is fetch and nothing of Node', async () => {
    const { code, stdout, stderr } = await alone.script(process.execPath, 'edge.cjs', EDGE)
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(JSON.parse(stdout)).toEqual({
      closed: true,
      process: 'undefined',
      sent: ['edge', 'body'],
      spool: 'spoolDirectory needs Node 20.16 or newer, Bun or Deno',
    })
  })

  it('imports nothing but @opentelemetry/api, so that a bundler for an edge runtime resolves all of it', async () => {
    for (const form of ['esm', 'cjs']) {
      const code = await readFile(
        join(alone.path, 'node_modules/agent-performance-client/dist', form, 'index.js'),
        'utf8',
      )
      const imports = [...code.matchAll(/(?:\bfrom|\bimport|\brequire\(|\bimport\()\s*["']([^"']+)["']/g)].map(
        ([, name]) => name,
      )
      expect(new Set(imports)).toEqual(new Set(['@opentelemetry/api']))
    }
  })

  it('has an adapter of each framework, imported and required, that loads the library and nothing else', async () => {
    const path = join(alone.path, 'node_modules/agent-performance-client/dist')
    const ran = await alone.script(process.execPath, 'adapters.mjs', ADAPTERS)
    expect(ran).toMatchObject({ code: 0, stderr: '', stdout: `${JSON.stringify(ADAPTER_EXPORTS)}\n` })
    for (const name of Object.keys(ADAPTER_EXPORTS)) {
      for (const form of ['esm', 'cjs']) {
        const code = await readFile(join(path, form, 'adapters', `${name}.js`), 'utf8')
        const imports = [...code.matchAll(/(?:\bfrom|\brequire\(|\bimport\()\s*["']([^"']+)["']/g)].map(
          ([, from]) => from,
        )
        expect(new Set(imports)).toEqual(new Set(['../index.js']))
      }
    }
  })

  it.each([
    ['alone', '2.x'],
    ['both', '3.x'],
  ])('prints the names of the shipped rules in the user’s own exporter (%s, OpenTelemetry %s)', async which => {
    const project = which === 'alone' ? alone : both
    const { code, stdout, stderr } = await project.script(process.execPath, 'names.mjs', PROMETHEUS_NAMES)
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(JSON.parse(stdout)).toEqual(PRINTED_NAMES)
  })

  it.each([
    ['node16', 'node16', 'module'],
    ['node16', 'node16', 'commonjs'],
    ['nodenext', 'nodenext', 'module'],
    ['esnext', 'bundler', 'module'],
  ])(
    'is typed for module %s, resolution %s, in a package of type %s, without skipLibCheck',
    async (module, moduleResolution, type) => {
      const manifest = join(alone.path, 'package.json')
      const text = await readFile(manifest, 'utf8')
      await writeFile(manifest, JSON.stringify({ ...JSON.parse(text), type }))
      const compilerOptions = {
        module,
        moduleResolution,
        strict: true,
        noEmit: true,
        skipLibCheck: false,
        types: [],
        lib: ['es2022', 'dom', 'esnext.disposable'],
      }
      await writeFile(join(alone.path, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['consumer.ts'] }))
      await writeFile(join(alone.path, 'consumer.ts'), CONSUMER)
      const { code, stdout } = await run(join(ROOT, 'node_modules/.bin/tsc'), [], alone.path)
      await writeFile(manifest, text)
      expect({ code, stdout }).toEqual({ code: 0, stdout: '' })
    },
  )
})

describe('the package of the sidecar', () => {
  it('has the command, the tracker, and the library under the name that programs import', async () => {
    const command = await run(join(both.path, 'node_modules/.bin/agent-performance'), ['--version'], both.path)
    expect(command).toMatchObject({ code: 0, stderr: '' })
    const used = await both.script(
      process.execPath,
      'sidecar.mjs',
      `
      import { AgentPerformanceTracker } from 'agent-performance/tracker'
      import * as library from 'agent-performance'
      import * as client from 'agent-performance-client'
      import 'agent-performance/ai-sdk'
      import 'agent-performance/openai-agents'
      import 'agent-performance/langchain'
      import 'agent-performance/claude-agent-sdk'
      const tracker = new AgentPerformanceTracker('./store/perf.json')
      const delivery = library.deliverTo(tracker)
      client.trackAttempt({ agent_name: 'A', model_name: 'm', issue_type: 'i' }, () => 1)
      await delivery.close()
      console.log(JSON.stringify(await tracker.getSuccessRate({ agent_name: 'A' })), Object.keys(library).join() === Object.keys(client).join())
      await tracker.close()
    `,
    )
    expect(used).toMatchObject({ code: 0, stderr: '', stdout: '{"i":100} true\n' })
  })

  it('brings the documentation, the dashboards and the rules', async () => {
    const path = join(both.path, 'node_modules/agent-performance')
    for (const file of [
      'docs/http-api.md',
      'docs/frameworks.md',
      'docs/library.md',
      'docs/runbooks/AgentMissesTarget.md',
      'grafana/dashboards/overview.json',
      'prometheus/rules/recording.yml',
      'prometheus/prometheus.yml',
      'CHANGELOG.md',
      'LICENSE',
    ]) {
      expect(await readFile(join(path, file), 'utf8'), file).not.toBe('')
    }
  })

  it('and that of the library have one version, and say where their source, documentation and issues are', async () => {
    const [sidecar, client] = await Promise.all([manifestOf(ROOT), manifestOf(CLIENT)])
    expect(client.version).toBe(sidecar.version)
    for (const { repository, homepage, bugs } of [sidecar, client]) {
      expect([repository.url.replace(/^git\+/, ''), homepage, bugs].every(url => URL.canParse(url))).toBe(true)
    }
  })
})
