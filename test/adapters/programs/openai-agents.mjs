/** OpenAI Agents for JavaScript, on a server that answers like the API. */
import { Agent, Runner, run, setOpenAIAPI, setTraceProcessors, setTracingDisabled, tool } from '@openai/agents'
import { attemptProcessor } from 'agent-performance-client/openai-agents'
import { z } from 'zod'
import { instrumentation, print, record } from './recording.mjs'

setTracingDisabled(false)
const labels = ({ metadata }) => ({
  issue_type: metadata.issue_type,
  ...(metadata.model && { model_name: metadata.model }),
})
setTraceProcessors([attemptProcessor({ instrumentation, labels })])
const metadata = { traceMetadata: { issue_type: 'bug' } }
const runner = new Runner(metadata)
const agent = (name, options = {}) => new Agent({ name, model: 'gpt-5', instructions: 'fix', ...options })
const look = tool({
  name: 'look',
  description: 'looks',
  parameters: z.object({ at: z.string() }),
  execute: async () => 'seen',
})

await record(
  'a loop of tools',
  1,
  async () => (await runner.run(agent('Fixer', { tools: [look] }), 'fix it')).finalOutput,
)
await record('a stream', 1, async () => {
  const result = await runner.run(agent('Fixer', { tools: [look] }), 'fix it', { stream: true })
  for await (const _ of result);
  await result.completed
  return result.finalOutput
})
await record('a stream that its reader leaves', 1, async () => {
  for await (const _ of await runner.run(agent('Fixer', { tools: [look] }), 'fix it', { stream: true })) break
})
await record('chat completions', 1, async () => {
  setOpenAIAPI('chat_completions')
  const { finalOutput } = await new Runner(metadata).run(agent('Fixer', { tools: [look] }), 'fix it')
  setOpenAIAPI('responses')
  return finalOutput
})
await record('without data in traces', 1, async () => {
  const quiet = new Runner({ ...metadata, traceIncludeSensitiveData: false })
  return (await quiet.run(agent('Fixer'), 'fix it')).finalOutput
})
await record('a model by its label', 1, async () => {
  const named = new Runner({ traceMetadata: { issue_type: 'bug', model: 'gpt-5' } })
  return (await named.run(agent('Fixer'), 'fix it')).finalOutput
})
await record('a handoff', 2, async () => {
  const helper = agent('Helper')
  return (
    await runner.run(
      new Agent({ name: 'Triage', model: 'gpt-5', instructions: 'triage', handoffs: [helper] }),
      'fix it',
    )
  ).finalOutput
})
await record('an agent as a tool', 2, async () => {
  const helper = agent('Helper', { model: 'gpt-5-mini' }).asTool({ toolName: 'ask', toolDescription: 'asks' })
  return (await runner.run(agent('Fixer', { tools: [helper] }), 'fix it')).finalOutput
})
await record('an agent within itself', 1, async () => {
  const self = agent('Fixer').asTool({ toolName: 'ask', toolDescription: 'asks' })
  return (await runner.run(agent('Fixer', { tools: [self] }), 'fix it')).finalOutput
})
await record(
  'a model that refuses',
  1,
  async () => (await runner.run(agent('Fixer', { model: 'fail-model' }), 'fix it')).finalOutput,
)
await record(
  'too many turns',
  1,
  async () => (await runner.run(agent('Fixer', { tools: [look] }), 'fix it', { maxTurns: 1 })).finalOutput,
)
await record('aborted', 1, async () => {
  const abort = new AbortController()
  const stopping = tool({
    name: 'stop',
    description: 'stops',
    parameters: z.object({ at: z.string() }),
    execute: async () => abort.abort(),
  })
  return (await runner.run(agent('Fixer', { tools: [stopping] }), 'fix it', { signal: abort.signal })).finalOutput
})
await record('a run that waits for a person', 0, async () => {
  const asking = tool({
    name: 'ask',
    description: 'asks',
    parameters: z.object({ at: z.string() }),
    needsApproval: true,
    execute: async () => 'seen',
  })
  globalThis.waiting = agent('Fixer', { tools: [asking] })
  globalThis.paused = await runner.run(globalThis.waiting, 'fix it')
  return globalThis.paused.interruptions.length
})
await record('a run that was resumed', 1, async () => {
  const { state } = globalThis.paused
  state.approve(globalThis.paused.interruptions[0])
  return (await runner.run(globalThis.waiting, state)).finalOutput
})
await record('two at the same time', 2, async () => {
  const { promise, resolve } = Promise.withResolvers()
  const waits = tool({
    name: 'wait',
    description: 'waits',
    parameters: z.object({ at: z.string() }),
    execute: () => promise,
  })
  const one = runner.run(agent('One', { tools: [waits] }), 'x')
  const other = await runner.run(agent('Other'), 'x')
  resolve('seen')
  return [(await one).finalOutput, other.finalOutput]
})
await record('within trackAttempt of the same agent', 1, async () => {
  const around = { agent_name: 'Fixer', model_name: 'unknown', issue_type: 'feature' }
  const result = await instrumentation.trackAttempt(
    around,
    () => run(agent('Fixer', { tools: [look] }), 'fix it'),
    ({ finalOutput }) => ({
      success: finalOutput !== '',
      confidence: 0.5,
    }),
  )
  return result.finalOutput
})
print()
