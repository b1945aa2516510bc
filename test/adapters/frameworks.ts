/** The frameworks that the adapters are tried with, each with a program that runs it on a fake model. */
import { execFile } from 'node:child_process'
import { hash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { copyFile, mkdir, mkdtemp, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

const ROOT = new URL('../../', import.meta.url).pathname
const PROGRAMS = new URL('programs/', import.meta.url).pathname
const TIMEOUT_MS = 120_000

export const ADAPTERS = ['ai-sdk', 'openai-agents', 'langchain', 'claude-agent-sdk'] as const
export type AdapterName = (typeof ADAPTERS)[number]

/** Exact versions. They are installed once, into a folder for temporary files: together they are larger than all that the project installs. */
const PACKAGES = [
  'ai@7.0.173',
  '@ai-sdk/openai@4.0.118',
  'zod@4.6.7',
  '@openai/agents@0.20.0',
  'langchain@1.5.14',
  '@langchain/core@1.4.0',
  '@langchain/openai@1.6.0',
  '@langchain/langgraph@1.7.3',
  '@anthropic-ai/claude-agent-sdk@0.3.332',
]

export interface Project {
  readonly path: string
  /** Runs a module of the project. Rejects with its output unless it exits with 0. */
  run(file: string, env?: Readonly<Record<string, string>>): Promise<string>
  [Symbol.asyncDispose](): Promise<void>
}

/**
 * A project with the frameworks, the library under the name of its package, and the programs. Rejects if npm cannot install the packages.
 */
export async function openFrameworkProject(): Promise<Project> {
  const packages = await installed(PACKAGES)
  const path = await mkdtemp(join(packages, 'run-'))
  await linkLibrary(path)
  for (const file of ['recording.mjs', 'fake-claude.mjs', ...ADAPTERS.map(name => `${name}.mjs`)]) {
    await copyFile(join(PROGRAMS, file), join(path, file))
  }
  return {
    path,
    run: async (file, env = {}) => {
      const options = {
        cwd: path,
        timeout: TIMEOUT_MS,
        env: { ...process.env, NODE_ENV: '', NODE_OPTIONS: '', ...env },
      }
      const { stdout } = await promisify(execFile)(process.execPath, [file], options)
      return stdout
    },
    [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }),
  }
}

/** Runs a program in its place. Its first line names no path: the folder outlives the checkout that made it. */
const FAKE_CLAUDE = '#!/usr/bin/env node\nimport(process.env.FAKE_CLAUDE)\n'

/** The folder with the packages. Another process may install them at the same time: the first one that is ready wins. */
async function installed(packages: readonly string[]): Promise<string> {
  const folder = join(
    tmpdir(),
    `agent-performance-frameworks-${hash('sha256', [...packages, FAKE_CLAUDE].join(' ')).slice(0, 16)}`,
  )
  if (existsSync(folder)) return folder
  const own = await mkdtemp(`${folder}-`)
  await writeFile(join(own, 'package.json'), '{ "private": true, "type": "module" }')
  // For no machine at all: the Claude Agent SDK would bring its program for this one, of 200 MB. A fake one stands in for it.
  const noPrograms = ['--os=none', '--cpu=none']
  const flags = [...noPrograms, '--ignore-scripts', '--legacy-peer-deps', '--no-audit', '--no-fund', '--prefer-offline']
  await promisify(execFile)('npm', ['install', '--silent', ...flags, ...packages], { cwd: own, timeout: TIMEOUT_MS })
  await writeFakeClaude(own)
  await rename(own, folder).catch(async () => await rm(own, { recursive: true }))
  return folder
}

/** The package of the Claude Agent SDK with its program for this machine. It runs the program that `FAKE_CLAUDE` names. */
async function writeFakeClaude(folder: string): Promise<void> {
  const name = `claude-agent-sdk-${process.platform}-${process.arch}`
  const fake = join(folder, 'node_modules/@anthropic-ai', name)
  await mkdir(fake)
  await writeFile(join(fake, 'package.json'), JSON.stringify({ name: `@anthropic-ai/${name}`, version: '0.0.0' }))
  await writeFile(join(fake, 'claude'), FAKE_CLAUDE, { mode: 0o755 })
}

/** The library from its source. Node strips types outside of `node_modules` only, and a link is followed to where the source is. */
async function linkLibrary(path: string): Promise<void> {
  const library = join(path, 'node_modules/agent-performance-client')
  await mkdir(library, { recursive: true })
  await symlink(join(ROOT, 'src'), join(library, 'src'))
  const subpaths = ADAPTERS.map(name => [`./${name}`, `./src/adapters/${name}.ts`])
  const exports = { '.': './src/index.ts', ...Object.fromEntries(subpaths) }
  await writeFile(join(library, 'package.json'), JSON.stringify({ type: 'module', exports }))
}

/** The code of an example of docs/frameworks.md. */
export async function exampleOf(name: AdapterName): Promise<string> {
  const page = await readFile(join(ROOT, 'docs/frameworks.md'), 'utf8')
  const [, code] = new RegExp(`<!-- example: ${name} -->\\s+\`\`\`ts\\n(.*?)\`\`\``, 's').exec(page) ?? []
  if (code === undefined) throw new Error(`docs/frameworks.md has no example for ${name}`)
  return code
}
