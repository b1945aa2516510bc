/** Speaks the stream-json protocol of Claude Code, and answers a prompt by the script that it names. */
import { createInterface } from 'node:readline'

const MODEL = 'claude-sonnet-4-5-20250929'
const session_id = '6b2f7a52-0000-4000-8000-000000000000'
const usage = { input_tokens: 60, output_tokens: 20, cache_read_input_tokens: 40, cache_creation_input_tokens: 5 }
const send = message =>
  process.stdout.write(`${JSON.stringify({ session_id, uuid: crypto.randomUUID(), ...message })}\n`)
const init = () =>
  send({
    type: 'system',
    subtype: 'init',
    model: MODEL,
    cwd: '/',
    tools: [],
    mcp_servers: [],
    permissionMode: 'default',
  })
const assistant = (content, parent_tool_use_id = null, more = {}, id = 'msg_1') =>
  send({
    type: 'assistant',
    parent_tool_use_id,
    message: { id, type: 'message', role: 'assistant', model: MODEL, content, usage },
    ...more,
  })
const text = [{ type: 'text', text: 'done' }]
const returned = (tool_use_id, more = {}, is_error = false) =>
  send({
    type: 'user',
    parent_tool_use_id: null,
    message: { role: 'user', content: [{ type: 'tool_result', tool_use_id, content: 'x', is_error }] },
    ...more,
  })
let total = 0
const result = (more = {}) => {
  total += 0.25
  send({
    type: 'result',
    subtype: 'success',
    is_error: false,
    duration_ms: 5,
    duration_api_ms: 4,
    num_turns: 1,
    result: 'done',
    total_cost_usd: total,
    usage,
    modelUsage: {},
    permission_denials: [],
    ...more,
  })
}
const start = (id, subagent_type) => ({
  type: 'tool_use',
  id,
  name: 'Agent',
  input: { description: 'x', prompt: 'x', ...(subagent_type && { subagent_type }) },
})

const SCRIPTS = {
  'Fix it': () => [init(), assistant(text), result()],
  subagents: () => {
    init()
    assistant([start('t1', 'reviewer'), start('t2', 'tester')])
    // One answer of a subagent is several messages.
    assistant([{ type: 'thinking', thinking: 'x' }], 't1', {}, 'msg_2')
    assistant(text, 't1', {}, 'msg_2')
    assistant(text, 't2', {}, 'msg_3')
    returned('t1')
    returned('t2', {}, true)
    result()
  },
  background: () => {
    init()
    assistant([start('t1')])
    returned('t1', { tool_use_result: { status: 'async_launched', agentId: 'a1', resolvedModel: 'claude-haiku-4-5' } })
    send({
      type: 'system',
      subtype: 'task_notification',
      task_id: 'a1',
      tool_use_id: 't1',
      status: 'completed',
      summary: 'x',
      output_file: '',
    })
    result()
  },
  'too many turns': () => [init(), assistant(text), result({ subtype: 'error_max_turns', is_error: true, errors: [] })],
  refused: () => [init(), assistant(text, null, { error: 'rate_limit' }), result({ is_error: true })],
  interrupt: () => [init(), assistant(text)],
  hang: () => [init(), assistant(text)],
  exit: () => [init(), process.exit(3)],
}

for await (const line of createInterface({ input: process.stdin })) {
  const message = JSON.parse(line)
  if (message.type === 'control_request') {
    const response = {
      commands: [],
      agents: [],
      models: [],
      account: {},
      output_style: 'default',
      available_output_styles: [],
    }
    send({ type: 'control_response', response: { subtype: 'success', request_id: message.request_id, response } })
    if (message.request.subtype === 'interrupt')
      result({ subtype: 'error_during_execution', is_error: true, errors: [] })
  } else if (message.type === 'user') {
    const { content } = message.message
    SCRIPTS[typeof content === 'string' ? content : content[0].text]()
  }
}
