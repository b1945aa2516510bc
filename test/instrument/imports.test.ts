import { expect, it } from 'vitest'
import { ENTRY, runNode } from './run-node.ts'

/** The URLs of all modules that importing one of them loads, in a process of its own. Fails the test if the process prints an error. */
async function loadedBy(entry: string): Promise<string[]> {
  const { code, stdout, stderr } = await runNode(`
    import { registerHooks } from 'node:module'
    const loaded = []
    registerHooks({
      load(url, context, next) {
        loaded.push(url)
        return next(url, context)
      },
    })
    await import('${entry}')
    console.log(JSON.stringify(loaded))
  `)
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  return JSON.parse(stdout) as string[]
}

/** Whether a module is Node's own, of `@opentelemetry/api`, the entry of the library, or in one of these folders of `src/`. */
function isIn(url: string, folders: readonly string[]): boolean {
  return (
    url === ENTRY ||
    url.startsWith('node:') ||
    folders.some(folder => url.startsWith(new URL(folder, ENTRY).href)) ||
    /\/node_modules\/@opentelemetry\/api\/[^/]+\//.test(url)
  )
}

it('importing the package loads @opentelemetry/api, Node’s own modules, instrument/ and core/, and nothing else', async () => {
  const loaded = await loadedBy(ENTRY)
  expect(loaded.filter(url => !isIn(url, ['instrument/', 'core/']))).toEqual([])
  // The check found the entry, a file of each folder, and OpenTelemetry.
  expect(loaded).toContain(ENTRY)
  for (const part of ['/src/instrument/run.ts', '/src/core/attempt/fields.ts', '/@opentelemetry/api/']) {
    expect(loaded.some(url => url.includes(part))).toBe(true)
  }
})

it.each(['ai-sdk', 'claude-agent-sdk', 'langchain', 'openai-agents'])(
  'importing the adapter %s loads the library, and nothing of a framework',
  async name => {
    const adapter = new URL(`adapters/${name}.ts`, ENTRY).href
    const loaded = await loadedBy(adapter)
    expect(loaded.filter(url => !isIn(url, ['adapters/', 'instrument/', 'core/']))).toEqual([])
    expect(loaded).toContain(adapter)
  },
)

it('importing the package opens nothing, starts no timer and prints nothing: the process ends at once', async () => {
  const { code, stdout, stderr } = await runNode(`
    await import('${ENTRY}')
    console.log(JSON.stringify(process.getActiveResourcesInfo().filter(name => !/Pipe|TTY|FS/.test(name))))
  `)
  expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: '[]\n', stderr: '' })
})
