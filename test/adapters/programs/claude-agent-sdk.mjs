/** The Claude Agent SDK, with a program in place of Claude Code that speaks its protocol. */
import { query } from '@anthropic-ai/claude-agent-sdk'
import { trackQuery } from 'agent-performance-client/claude-agent-sdk'
import { instrumentation, print, record } from './recording.mjs'

const pathToClaudeCodeExecutable = new URL('fake-claude.mjs', import.meta.url).pathname
const labels = { agent_name: 'Fixer', issue_type: 'bug' }
const track = (prompt, describe, options = {}) =>
  trackQuery(
    labels,
    () => query({ prompt, options: { pathToClaudeCodeExecutable, ...options } }),
    describe,
    instrumentation,
  )
const read = async messages => {
  const types = []
  for await (const message of messages) types.push(message.subtype ?? message.type)
  return types
}

await record('read to its end', 1, () => read(track('Fix it')))
await record('left at the result', 1, async () => {
  for await (const message of track('Fix it')) if (message.type === 'result') break
})
await record('read by next', 1, async () => {
  const messages = track('Fix it')
  let count = 0
  for (let step = await messages.next(); !step.done; step = await messages.next()) count++
  return count
})
await record('left before the result', 1, async () => {
  for await (const message of track('hang')) if (message.type === 'assistant') break
})
await record('a judge', 1, () =>
  read(track('Fix it', async ({ result }) => ({ success: result !== 'done', confidence: 0.75 }))),
)
await record('subagents', 3, () => read(track('subagents')))
await record('a subagent in the background', 2, () => read(track('background')))
await record('too many turns', 1, () => read(track('too many turns')))
await record('an API that refuses', 1, () => read(track('refused')))
await record('a program that ends without a result', 1, () => read(track('exit')))
await record('aborted', 1, async () => {
  const abortController = new AbortController()
  for await (const message of track('hang', undefined, { abortController }))
    if (message.type === 'assistant') abortController.abort()
})
const prompts = async function* (...texts) {
  for (const one of texts) {
    const text = await one
    yield {
      type: 'user',
      session_id: '',
      parent_tool_use_id: null,
      message: { role: 'user', content: [{ type: 'text', text }] },
    }
  }
}
await record('interrupted', 1, async () => {
  const messages = track(prompts('interrupt', new Promise(() => {})))
  for await (const message of messages) {
    if (message.type === 'assistant') await messages.interrupt()
    else if (message.type === 'result') break
  }
})
await record('a stream of two prompts', 2, () => read(track(prompts('Fix it', 'Fix it'))))
await record('two at the same time', 2, async () => {
  const one = track('Fix it')
  const other = track('too many turns')
  await one.next()
  await other.next()
  await read(one)
  await read(other)
})
await record('within trackAttempt of the same agent', 1, () =>
  instrumentation.trackAttempt(
    { agent_name: 'Fixer', model_name: 'unknown', issue_type: 'feature' },
    async () => await read(track('Fix it')),
    types => ({ success: types.includes('success'), confidence: 0.5 }),
  ),
)
await record('a program that cannot be started', 1, () =>
  read(track('Fix it', undefined, { pathToClaudeCodeExecutable: '/nowhere/claude' })),
)
print()
