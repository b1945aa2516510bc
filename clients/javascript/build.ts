/**
 * Builds the package of the library: one file each for `import` and `require` of `src/index.ts`, a small one beside it for each adapter, and the
 * declarations. `npm pack` runs it.
 */
import { execFileSync } from 'node:child_process'
import { copyFile, cp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { basename, dirname, join, normalize, relative } from 'node:path'
import { build, type Plugin } from 'vite'

const ROOT = new URL('../../', import.meta.url).pathname
const HERE = new URL('.', import.meta.url).pathname

/**
 * The definition of a question without its schemas. The types of answers are all that the library takes from it, and the schemas would make
 * zod a dependency of everybody who compiles against the library.
 */
const QUESTION = 'questions/question.d.ts'
const QUESTION_WITHOUT_SCHEMAS = `/** The facts of a store, which are no matter of its clients. */
export type Facts = unknown;
/** A question: its path, its parameters and its answer. */
export interface Question<Path extends string = string, Input extends object = object, Answer = unknown> {
    readonly path: Path;
    readonly example: Input;
    readonly answer: Answer;
}
`

const ADAPTERS = ['ai-sdk', 'claude-agent-sdk', 'langchain', 'openai-agents'].map(name => `adapters/${name}`)

/** An adapter loads the library, and has no copy of it. */
const beside: Plugin = {
  name: 'library-beside-adapters',
  enforce: 'pre',
  resolveId: (id, importer) =>
    id === '../index.ts' && importer?.includes('/src/adapters/') ? { id: '../index.js', external: true } : undefined,
}

async function buildCode(format: 'esm' | 'cjs', target: string, entry: string): Promise<void> {
  await build({
    configFile: false,
    root: ROOT,
    publicDir: false,
    logLevel: 'warn',
    plugins: [beside],
    build: {
      outDir: target,
      emptyOutDir: false,
      target: 'es2022',
      // Readable stack traces and code that a security review can read weigh more than its size.
      minify: false,
      lib: {
        entry: join(ROOT, `src/${entry}.ts`),
        formats: [format === 'esm' ? 'es' : 'cjs'],
        fileName: () => `${entry}.js`,
      },
      rolldownOptions: { external: ['@opentelemetry/api'], platform: 'neutral' },
    },
  })
}

async function buildTypes(target: string): Promise<void> {
  const tsc = join(ROOT, 'node_modules/.bin/tsc')
  execFileSync(tsc, ['-p', join(HERE, 'tsconfig.json'), '--outDir', target], { stdio: 'inherit' })
  await writeFile(join(target, QUESTION), QUESTION_WITHOUT_SCHEMAS)
  const used = await reachableFrom(['index', ...ADAPTERS].map(entry => join(target, `${entry}.d.ts`)))
  const files = await readdir(target, { recursive: true, withFileTypes: true })
  const unused = files
    .filter(file => file.isFile() && file.name.endsWith('.d.ts'))
    .map(file => join(file.parentPath, file.name))
  await Promise.all(unused.filter(path => !used.has(path)).map(path => rm(path)))
  await removeEmptyFolders(target)
}

/** The declarations that files import, also by way of others. Throws if one is outside of them and is not the peer dependency. */
async function reachableFrom(entries: readonly string[]): Promise<ReadonlySet<string>> {
  const found = new Set(entries)
  for (const path of found) {
    const text = await readFile(path, 'utf8')
    for (const [, from] of text.matchAll(/(?:from|import\()\s*['"]([^'"]+)['"]/g)) {
      if (from === '@opentelemetry/api') continue
      if (from?.startsWith('.') !== true) throw new Error(`${relative(ROOT, path)} imports ${from}`)
      found.add(normalize(join(dirname(path), from.replace(/\.ts$/, '.d.ts'))))
    }
  }
  return found
}

async function removeEmptyFolders(folder: string): Promise<void> {
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    if (entry.isDirectory()) await removeEmptyFolders(join(folder, entry.name))
  }
  if ((await readdir(folder)).length === 0) await rm(folder, { recursive: true })
}

const esm = join(HERE, 'dist/esm')
const cjs = join(HERE, 'dist/cjs')
await rm(join(HERE, 'dist'), { recursive: true, force: true })
for (const entry of ['index', ...ADAPTERS]) {
  await buildCode('esm', esm, entry)
  await buildCode('cjs', cjs, entry)
}
await buildTypes(esm)
// The same declarations are those of CommonJS in a folder whose package.json says so.
await cp(esm, cjs, { recursive: true, filter: path => !path.endsWith('.js') })
await writeFile(join(cjs, 'package.json'), '{ "type": "commonjs" }\n')
for (const file of ['LICENSE', 'CHANGELOG.md', 'docs/library.md', 'docs/frameworks.md']) {
  await copyFile(join(ROOT, file), join(HERE, basename(file)))
}
