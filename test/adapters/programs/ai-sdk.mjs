/** The Vercel AI SDK 5 to 7 on its fake model. `AI` names the package. */
import { attemptMiddleware, trackAi } from 'agent-performance-client/ai-sdk'
import { z } from 'zod'
import { instrumentation, print, record } from './recording.mjs'

const ai = await import(process.env.AI ?? 'ai')
const test = await import(`${process.env.AI ?? 'ai'}/test`)
const Model = test.MockLanguageModelV4 ?? test.MockLanguageModelV3 ?? test.MockLanguageModelV2
const isOld = test.MockLanguageModelV3 === undefined
const usage = isOld
  ? { inputTokens: 100, outputTokens: 20, totalTokens: 120, cachedInputTokens: 40 }
  : { inputTokens: { total: 100, noCache: 50, cacheRead: 40, cacheWrite: 10 }, outputTokens: { total: 20, text: 20 } }
const reason = unified => (isOld ? unified : { unified, raw: unified })
const answer = { warnings: [], usage, response: { modelId: 'gpt-5-2025-08-07' } }
const say = text => ({ ...answer, content: [{ type: 'text', text }], finishReason: reason('stop') })
const call = {
  ...answer,
  content: [{ type: 'tool-call', toolCallId: 'c1', toolName: 'look', input: '{"at":"x"}' }],
  finishReason: reason('tool-calls'),
}
const parts = [
  { type: 'stream-start', warnings: [] },
  { type: 'response-metadata', modelId: 'gpt-5-2025-08-07' },
  { type: 'text-start', id: '1' },
  ...['a', 'b', 'c'].map(delta => ({ type: 'text-delta', id: '1', delta })),
  { type: 'text-end', id: '1' },
  { type: 'finish', finishReason: reason('stop'), usage },
]
/** Steps are returned in turn; an error is thrown. */
const generating = (...steps) =>
  new Model({
    modelId: 'gpt-5',
    doGenerate: async () => {
      const step = steps.shift()
      if (step instanceof Error) throw step
      return step
    },
  })
const streaming = (chunks = parts) =>
  new Model({
    modelId: 'gpt-5',
    doStream: async () => ({ stream: ai.simulateReadableStream({ chunks, chunkDelayInMs: 2 }) }),
  })
const wrap = (model, options = {}) =>
  ai.wrapLanguageModel({ model, middleware: attemptMiddleware({ instrumentation, ...options }) })
const looking = {
  tools: {
    look: ai.tool({ description: 'looks', inputSchema: z.object({ at: z.string() }), execute: async () => 'seen' }),
  },
  stopWhen: (ai.stepCountIs ?? ai.isStepCount)(3),
}
const common = { prompt: 'fix it', maxRetries: 0, onError: () => {} }
const labels = { agent_name: 'Fixer', issue_type: 'bug' }
const track = (work, describe, own = labels) => trackAi(own, work, describe, instrumentation)
const read = async stream => {
  let text = ''
  for await (const chunk of stream) text += chunk
  return text
}

await record('a loop of tools', 1, async () => {
  const model = wrap(generating(call, say('done')))
  return (await track(() => ai.generateText({ model, ...common, ...looking }))).text
})
await record('without the middleware', 1, async () => {
  const own = { ...labels, model_name: 'gpt-5' }
  return (await track(() => ai.generateText({ model: generating(say('done')), ...common }), undefined, own)).text
})
await record('a judge', 1, async () => {
  const describe = async ({ text }) => ({ success: text !== 'done', confidence: 0.75 })
  return (await track(() => ai.generateText({ model: wrap(generating(say('done'))), ...common }), describe)).text
})
await record('a judge that says nothing', 1, async () => {
  return (
    await track(
      () => ai.generateText({ model: wrap(generating(say('done'))), ...common }),
      () => {},
    )
  ).text
})
await record('a step that fails', 1, async () => {
  const model = wrap(generating(call, new RangeError('the model refuses')))
  return (await track(() => ai.generateText({ model, ...common, ...looking }))).text
})
await record('a stream', 1, () => read(track(() => ai.streamText({ model: wrap(streaming()), ...common })).textStream))
await record('a stream with an error', 1, () => {
  const failing = streaming([...parts.slice(0, 4), { type: 'error', error: new RangeError('midway') }])
  return read(track(() => ai.streamText({ model: wrap(failing), ...common })).textStream)
})
await record('a stream that is aborted', 1, async () => {
  const abort = new AbortController()
  const result = track(() => ai.streamText({ model: wrap(streaming()), ...common, abortSignal: abort.signal }))
  for await (const _ of result.textStream) abort.abort()
})
await record('a call that is aborted', 1, async () => {
  const abort = new AbortController()
  const model = new Model({
    modelId: 'gpt-5',
    doGenerate: ({ abortSignal }) =>
      new Promise((_, reject) => {
        abortSignal.addEventListener('abort', () => reject(abortSignal.reason))
        abort.abort()
      }),
  })
  return await track(() => ai.generateText({ model: wrap(model), ...common, abortSignal: abort.signal }))
})
await record('two at the same time', 2, async () => {
  const { promise, resolve } = Promise.withResolvers()
  const waiting = {
    tools: { look: ai.tool({ ...looking.tools.look, execute: () => promise }) },
    stopWhen: looking.stopWhen,
  }
  const one = track(() => ai.generateText({ model: wrap(generating(call, say('one'))), ...common, ...waiting }))
  const other = track(() => ai.generateText({ model: wrap(generating(say('other'))), ...common }), undefined, {
    agent_name: 'Helper',
    issue_type: 'bug',
  })
  const { text } = await other
  resolve('seen')
  return [(await one).text, text]
})
await record('within trackAttempt of the same agent', 1, async () => {
  const model = wrap(generating(call, say('done')))
  const around = { ...labels, model_name: 'unknown' }
  return await instrumentation.trackAttempt(
    around,
    async () => (await track(() => ai.generateText({ model, ...common, ...looking }))).text,
    text => ({ success: text === 'done', confidence: 0.5 }),
  )
})
await record('a stream of steps', 1, async () => {
  const steps = [
    [
      ...parts.slice(0, 2),
      { type: 'tool-call', toolCallId: 'c1', toolName: 'look', input: '{"at":"x"}' },
      { type: 'finish', finishReason: reason('tool-calls'), usage },
    ],
    parts,
  ]
  const model = new Model({
    modelId: 'gpt-5',
    doStream: async () => ({ stream: ai.simulateReadableStream({ chunks: steps.shift(), chunkDelayInMs: 1 }) }),
  })
  const own = { labels: { agent_name: 'Stray' } }
  return await read(track(() => ai.streamText({ model: wrap(model, own), ...common, ...looking })).textStream)
})
const alone = { labels: { ...labels, issue_type: 'chore' } }
await record(
  'a model alone',
  1,
  async () => (await ai.generateText({ model: wrap(generating(say('done')), alone), ...common })).text,
)
await record('a stream of a model alone', 1, () =>
  read(ai.streamText({ model: wrap(streaming(), alone), ...common }).textStream),
)
await record('a model alone that fails', 1, () =>
  ai.generateText({ model: wrap(generating(new RangeError('no')), alone), ...common }),
)
await record(
  'a model without labels',
  0,
  async () => (await ai.generateText({ model: wrap(generating(say('done'))), ...common })).text,
)
print()
