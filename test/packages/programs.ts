/** Programs of a user of the packages, in plain JavaScript. They print what they saw as JSON. */

/** Tracks one attempt by `import`, and one by `require`, to one sidecar that `fetch`es see: the two forms share what they deliver to. */
export const IMPORT_AND_REQUIRE = `
import { createServer } from 'node:http'
import { createRequire } from 'node:module'
import * as imported from 'agent-performance-client'
const required = createRequire(import.meta.url)('agent-performance-client')
const received = []
const server = createServer(async (request, response) => {
  let text = ''
  for await (const chunk of request) text += chunk
  const attempts = JSON.parse(text)
  received.push(...attempts)
  response.setHeader('content-type', 'application/json')
  response.end(JSON.stringify({ accepted: attempts.length, duplicates: 0, rejected: [] }))
})
await new Promise(resolve => server.listen(0, '127.0.0.1', resolve))
const delivery = imported.deliverTo('http://127.0.0.1:' + server.address().port, { spoolDirectory: './spool' })
const labels = { agent_name: 'A', model_name: 'm', issue_type: 'imported' }
await imported.trackAttempt(labels, async () => 1)
required.trackAttempt({ ...labels, issue_type: 'required' }, () => 2)
async function* stream() { yield 1 }
for await (const _ of required.trackAttempt({ ...labels, issue_type: 'stream' }, stream));
const closed = await delivery.close()
server.close()
console.log(JSON.stringify({ closed, names: received.map(one => one.issue_type), same: Object.keys(imported).join() === Object.keys(required).join() }))
`

/** Prints the names that the user's own Prometheus exporter gives the instruments. `TraceProvider` is that of the release. */
export const PROMETHEUS_NAMES = `
import { metrics } from '@opentelemetry/api'
import { PrometheusExporter, PrometheusSerializer } from '@opentelemetry/exporter-prometheus'
import { MeterProvider } from '@opentelemetry/sdk-metrics'
import { recordAttempt } from 'agent-performance-client'
const exporter = new PrometheusExporter({ preventServerStart: true })
metrics.setGlobalMeterProvider(new MeterProvider({ readers: [exporter] }))
recordAttempt({ agent_name: 'A', model_name: 'm', issue_type: 'i', success: true, confidence: 0.5, time_seconds: 2, cost_usd: 0.5, input_tokens: 3 })
const { resourceMetrics } = await exporter.collect()
const text = new PrometheusSerializer().serialize(resourceMetrics)
const names = [...text.matchAll(/^# TYPE (\\S+) (\\S+)/gm)].map(([, name, type]) => name + ' ' + type)
console.log(JSON.stringify(names.filter(name => name.startsWith('agent_')).sort()))
`

export const PRINTED_NAMES: readonly string[] = [
  'agent_attempt_confidence histogram',
  'agent_attempt_cost_usd_total counter',
  'agent_attempt_duration_seconds histogram',
  'agent_attempt_tokens_total counter',
  'agent_attempts_total counter',
]

/**
 * Runs the package as an edge runtime does: with web standards, and without anything of Node. Records an attempt through `fetch`, follows a
 * stream, and prints what was sent.
 */
export const EDGE = `
const { readFileSync } = require('node:fs')
const { createContext, Script } = require('node:vm')
const read = name => readFileSync(require.resolve(name), 'utf8')
const sent = []
const fetch = async (url, { body, headers }) => {
  const attempts = JSON.parse(body)
  sent.push(...attempts)
  return new Response(JSON.stringify({ accepted: attempts.length, duplicates: 0 }), { headers: { 'content-type': 'application/json' } })
}
const timers = { setTimeout: (call, ms) => Number(setTimeout(call, ms)), clearTimeout, setInterval: (call, ms) => Number(setInterval(call, ms)), clearInterval }
const web = { fetch, Response, ReadableStream, TransformStream, WritableStream, URL, URLSearchParams, AbortController, AbortSignal, TextDecoder, TextEncoder, DOMException, crypto, performance, console, queueMicrotask, ...timers }
const sandbox = createContext({ ...web, module: { exports: {} }, exports: {}, require: name => {
  if (name !== '@opentelemetry/api') throw new Error('no module ' + name)
  return require(name)
} })
new Script(read('agent-performance-client'), { filename: 'client.js' }).runInContext(sandbox)
const client = sandbox.exports
const delivery = client.deliverTo('http://sidecar.example')
const labels = { agent_name: 'A', model_name: 'm', issue_type: 'edge' }
let spool = 'opened'
try { client.deliverTo('http://sidecar.example', { spoolDirectory: '/tmp/spool' }) } catch (error) { spool = error.message }
client.deliverTo('http://sidecar.example')
;(async () => {
  const later = client.deliverTo('http://sidecar.example')
  await client.trackAttempt(labels, async () => 1)
  await client.trackAttempt({ ...labels, issue_type: 'body' }, async () => new Response('text')).then(response => response.text())
  const closed = await later.close()
  console.log(JSON.stringify({ closed, spool, sent: sent.map(one => one.issue_type), process: vmTypeof(sandbox) }))
  process.exit()
})()
function vmTypeof(context) { return new Script('typeof process').runInContext(context) }
`

/** A consumer in TypeScript that uses the answers of questions, whose types come from the declarations alone. */
export const CONSUMER = `
import { type AttemptOutcome, createClient, deliverTo, startAttempt, trackAttempt } from 'agent-performance-client'
const delivery = deliverTo('http://127.0.0.1:9464', { spoolDirectory: '/tmp/spool', onRejected: rejected => rejected[0]?.attempt.agent_name.length })
export const fixed: Promise<{ ok: boolean }> = trackAttempt(
  { agent_name: 'A', model_name: 'm', issue_type: 'i' },
  async () => ({ ok: true }),
  async (fix): Promise<AttemptOutcome> => ({ success: fix.ok, model_name: 'other' }),
)
startAttempt({ agent_name: 'A', model_name: 'm', issue_type: 'i' }).end({ success: true })
const client = createClient()
export const best: Promise<string | undefined> = client.bestAgent('i').then(agent => agent?.agent_name)
export const asked: Promise<number> = client.ask('best-agent', { issue_type: 'i' }).then(agent => agent.success_rate)
// @ts-expect-error: the answer is typed, and has no such field
client.ask('best-agent', { issue_type: 'i' }).then(agent => agent.no_such_field)
export const queued: number = delivery.stats().queued
import { attemptMiddleware, trackAi } from 'agent-performance-client/ai-sdk'
import { type QueryResult, trackQuery } from 'agent-performance-client/claude-agent-sdk'
import { attemptHandler } from 'agent-performance-client/langchain'
import { attemptProcessor } from 'agent-performance-client/openai-agents'
export const text: Promise<string> = trackAi({ agent_name: 'A', issue_type: 'i' }, async () => ({ text: 'x' }), ({ text }) => ({ success: text !== '' })).then(({ text }) => text)
export const middleware: { specificationVersion: 'v3' } = attemptMiddleware({ labels: { agent_name: 'A' } })
export const processor: { onSpanEnd(span: never): Promise<void> } = attemptProcessor({ labels: run => ({ issue_type: String(run.metadata['kind']) }) })
export const handler: { handleChainEnd?(output: object, id: string): unknown } = attemptHandler({ describe: async run => ({ success: run.output !== '' }) })
declare const query: () => AsyncGenerator<QueryResult> & { interrupt(): void }
trackQuery({ agent_name: 'A', issue_type: 'i' }, query, ({ result }) => ({ success: result !== '' })).interrupt()
// @ts-expect-error: an attempt has an agent
trackQuery({ issue_type: 'i' }, query)
`

/** Prints what each adapter exports. Imports and requires it, and makes one: that both forms of the library share. */
export const ADAPTERS = `
import { createRequire } from 'node:module'
const require = createRequire(import.meta.url)
const names = ['ai-sdk', 'claude-agent-sdk', 'langchain', 'openai-agents']
const exported = {}
for (const name of names) {
  const imported = await import('agent-performance-client/' + name)
  const required = require('agent-performance-client/' + name)
  exported[name] = Object.keys(imported).filter(key => typeof required[key] === 'function')
  for (const form of [imported, required]) (form.attemptMiddleware ?? form.attemptHandler ?? form.attemptProcessor)?.()
}
console.log(JSON.stringify(exported))
`

export const ADAPTER_EXPORTS: Readonly<Record<string, readonly string[]>> = {
  'ai-sdk': ['attemptMiddleware', 'trackAi'],
  'claude-agent-sdk': ['trackQuery'],
  langchain: ['attemptHandler'],
  'openai-agents': ['attemptProcessor'],
}

/** Runs `streamText` of the AI SDK on its fake model, reads each result in another way, and prints what was recorded. */
export const AI_STREAMS = `
import { createInstrumentation } from 'agent-performance-client'
import * as ai from 'ai'
import * as test from 'ai/test'

const Model = test.MockLanguageModelV4 ?? test.MockLanguageModelV3 ?? test.MockLanguageModelV2
const isOld = test.MockLanguageModelV3 === undefined
const usage = isOld
  ? { inputTokens: 3, outputTokens: 5, totalTokens: 8 }
  : { inputTokens: { total: 3, noCache: 3 }, outputTokens: { total: 5, text: 5 } }
const finish = { type: 'finish', finishReason: isOld ? 'stop' : { unified: 'stop', raw: 'stop' }, usage }
const text = delta => ({ type: 'text-delta', id: '1', delta })
const parts = [{ type: 'stream-start', warnings: [] }, { type: 'text-start', id: '1' }, text('a'), text('b'), text('c'), { type: 'text-end', id: '1' }, finish]
const model = (chunks, chunkDelayInMs = 5) => new Model({ doStream: async () => ({ stream: ai.simulateReadableStream({ chunks, initialDelayInMs: 0, chunkDelayInMs }) }) })

const recorded = []
const delivery = { add: attempt => void recorded.push(attempt), flush: async () => true, close: async () => true, stats: () => ({}) }
const { trackAttempt, problems } = createInstrumentation({ delivery })
const labels = { agent_name: 'A', model_name: 'm', issue_type: 'i' }
const describe = async result => ({ output_tokens: (await result.usage).outputTokens })
const quiet = { onError: () => {} }
const all = async stream => { const chunks = []; for await (const chunk of stream) chunks.push(chunk); return chunks }

async function attemptOf(name, chunks, read, options = {}, judge = undefined) {
  const before = recorded.length
  const result = trackAttempt({ ...labels, issue_type: name }, () => ai.streamText({ model: model(chunks), prompt: 'x', ...quiet, ...options }), judge)
  const early = recorded.length !== before
  await read(result)
  for (let i = 0; i < 100 && recorded.length === before; i++) await new Promise(resolve => setTimeout(resolve, 10))
  const { success, error_type, output_tokens } = recorded[before] ?? {}
  return { name, early, count: recorded.length - before, success, error_type, output_tokens }
}
const abort = new AbortController()
const seen = []
const results = [
  await attemptOf('textStream read', parts, async result => seen.push((await all(result.textStream)).join('')), {}, describe),
  await attemptOf('text awaited', parts, async result => seen.push(await result.text), {}, describe),
  await attemptOf('fullStream and usage', parts, async result => { await all(result.fullStream); await result.usage }),
  await attemptOf('consumeStream', parts, result => result.consumeStream()),
  await attemptOf('response of text', parts, async result => seen.push(await result.toTextStreamResponse().text())),
  await attemptOf('UI message response', parts, async result => void (await result.toUIMessageStreamResponse().text())),
  await attemptOf('error midway', [...parts.slice(0, 3), { type: 'error', error: new RangeError('midway') }], async result => { await all(result.textStream) }),
  await attemptOf('reader leaves', parts, async result => { for await (const _ of result.textStream) break }),
  await attemptOf('aborted', parts, async result => { for await (const _ of result.textStream) abort.abort() }, { abortSignal: abort.signal }),
]
console.log(JSON.stringify({ seen, problems: problems(), results }))
process.exit()
`

/** What {@link AI_STREAMS} has to print, with the AI SDK 5, 6 and 7. */
export const AI_RECORDED: object = {
  seen: ['abc', 'abc', 'abc'],
  problems: { labels: 0, describe: 0, attempt: 0, telemetry: 0 },
  results: [
    ...['textStream read', 'text awaited'].map(name => ({
      name,
      early: false,
      count: 1,
      success: true,
      output_tokens: 5,
    })),
    ...['fullStream and usage', 'consumeStream', 'response of text', 'UI message response'].map(name => ({
      name,
      early: false,
      count: 1,
      success: true,
    })),
    { name: 'error midway', early: false, count: 1, success: false, error_type: 'RangeError' },
    { name: 'reader leaves', early: false, count: 1, success: false, error_type: 'aborted' },
    { name: 'aborted', early: false, count: 1, success: false, error_type: 'aborted' },
  ],
}
