import { expect, it } from 'vitest'
import { ENTRY, runNode } from './run-node.ts'

it('importing the package loads @opentelemetry/api, Node’s own modules, instrument/ and core/, and nothing else', async () => {
  const { code, stdout, stderr } = await runNode(`
    import { registerHooks } from 'node:module'
    const loaded = []
    registerHooks({
      load(url, context, next) {
        loaded.push(url)
        return next(url, context)
      },
    })
    await import('${ENTRY}')
    console.log(JSON.stringify(loaded))
  `)
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  const src = new URL('.', ENTRY).href
  const loaded = JSON.parse(stdout) as string[]
  const isAllowed = (url: string): boolean =>
    url === ENTRY ||
    url.startsWith('node:') ||
    url.startsWith(`${src}instrument/`) ||
    url.startsWith(`${src}core/`) ||
    /\/node_modules\/@opentelemetry\/api\/[^/]+\//.test(url)
  expect(loaded.filter(url => !isAllowed(url))).toEqual([])
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
    const { code, stdout, stderr } = await runNode(`
      import { registerHooks } from 'node:module'
      const loaded = []
      registerHooks({
        load(url, context, next) {
          loaded.push(url)
          return next(url, context)
        },
      })
      await import('${adapter}')
      console.log(JSON.stringify(loaded))
    `)
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    const src = new URL('.', ENTRY).href
    const isAllowed = (url: string): boolean =>
      url === ENTRY ||
      ['adapters/', 'instrument/', 'core/'].some(folder => url.startsWith(`${src}${folder}`)) ||
      /\/node_modules\/@opentelemetry\/api\/[^/]+\//.test(url)
    const loaded = (JSON.parse(stdout) as string[]).filter(url => !url.startsWith('node:'))
    expect(loaded.filter(url => !isAllowed(url))).toEqual([])
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
