/** LangChain and LangGraph for JavaScript, on a server that answers like the API of OpenAI. */
import { tool } from '@langchain/core/tools'
import { Annotation, Command, END, interrupt, MemorySaver, START, StateGraph } from '@langchain/langgraph'
import { ChatOpenAI } from '@langchain/openai'
import { attemptHandler } from 'agent-performance-client/langchain'
import { createAgent } from 'langchain'
import { z } from 'zod'
import { instrumentation, print, record } from './recording.mjs'

const handler = attemptHandler({ instrumentation, labels: ({ metadata }) => ({ issue_type: metadata.issue_type }) })
const config = { callbacks: [handler], metadata: { issue_type: 'bug' } }
const llm = (model = 'gpt-5', options = {}) => new ChatOpenAI({ model, maxRetries: 0, ...options })
const look = tool(async () => 'seen', { name: 'look', description: 'looks', schema: z.object({ at: z.string() }) })
const ask = { messages: [{ role: 'user', content: 'fix it' }] }
const last = ({ messages }) => messages.at(-1).content

const State = Annotation.Root({ text: Annotation() })
const graph = (name, nodes, options = {}) => {
  const builder = new StateGraph(State)
  const names = Object.keys(nodes)
  for (const [node, step] of Object.entries(nodes)) builder.addNode(node, step)
  builder.addEdge(START, names[0])
  for (const [index, node] of names.entries()) builder.addEdge(node, names[index + 1] ?? END)
  return builder.compile({ name, ...options })
}
const asks = async () => ({ text: (await llm().invoke('fix it')).content })

await record('a loop of tools', 1, async () =>
  last(await createAgent({ model: llm(), tools: [look], name: 'Fixer' }).invoke(ask, config)),
)
await record('a stream', 1, async () => {
  const agent = createAgent({ model: llm('gpt-5', { streaming: true }), tools: [look], name: 'Fixer' })
  let chunks = 0
  for await (const _ of await agent.stream(ask, { ...config, streamMode: 'messages' })) chunks++
  return chunks > 0
})
await record('a stream that its reader leaves', 1, async () => {
  const waits = (_, { signal }) =>
    new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
  const agent = graph('Fixer', { asks, waits })
  for await (const _ of await agent.stream({}, { ...config, streamMode: 'updates' })) break
})
await record(
  'a graph within a graph',
  1,
  async () => (await graph('Outer', { inner: graph('Inner', { asks }), asks }).invoke({}, config)).text,
)
await record('a handler twice in the configuration', 1, async () => {
  const twice = async () => ({ text: (await llm('gpt-5', { callbacks: [handler] }).invoke('fix it')).content })
  return (await graph('Fixer', { twice }).invoke({}, config)).text
})
await record('a model that refuses', 1, async () =>
  last(await createAgent({ model: llm('fail-model'), tools: [], name: 'Fixer' }).invoke(ask, config)),
)
await record('a node that throws', 1, async () => {
  const throws = async () => {
    throw new RangeError('no')
  }
  return await graph('Fixer', { asks, throws }).invoke({}, config)
})
const checkpointer = new MemorySaver()
const asking = graph('Fixer', { asks, wait: () => ({ text: interrupt('go on?') }) }, { checkpointer })
const thread = id => ({ ...config, configurable: { thread_id: id } })
await record(
  'a graph that waits for a person',
  0,
  async () => (await asking.invoke({}, thread('1'))).__interrupt__?.length,
)
await record(
  'a graph that was resumed',
  1,
  async () => (await asking.invoke(new Command({ resume: 'yes' }), thread('1'))).text,
)
await record('a graph that stops before a node', 0, async () => {
  const stopping = graph('Fixer', { asks, more: asks }, { checkpointer, interruptBefore: ['more'] })
  return typeof (await stopping.invoke({}, thread('2'))).text
})
await record('aborted', 1, async () => {
  const abort = new AbortController()
  const stops = async (_, { signal }) => {
    abort.abort()
    signal?.throwIfAborted()
    return {}
  }
  return await graph('Fixer', { stops, asks }).invoke({}, { ...config, signal: abort.signal })
})
await record('two at the same time', 2, async () => {
  const both = await Promise.all(
    ['One', 'Other'].map(name => graph(name, name === 'One' ? { asks, again: asks } : { asks }).invoke({}, config)),
  )
  return both.map(({ text }) => text)
})
await record('within trackAttempt of the same agent', 1, async () => {
  const around = { agent_name: 'Fixer', model_name: 'unknown', issue_type: 'feature' }
  const describe = ({ text }) => ({ success: text !== '', confidence: 0.5 })
  return (await instrumentation.trackAttempt(around, () => graph('Fixer', { asks }).invoke({}, config), describe)).text
})
await record('a judge', 1, async () => {
  const judging = attemptHandler({
    instrumentation,
    labels: { agent_name: 'Judged' },
    describe: async ({ output }) => ({ success: output.text === '', confidence: 0.25 }),
  })
  return (await graph('Fixer', { asks }).invoke({}, { callbacks: [judging] })).text
})
print()
