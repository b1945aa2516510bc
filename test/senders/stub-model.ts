/**
 * A server that answers like the APIs of OpenAI (chat completions, responses), Anthropic and Gemini, with fixed usage: 100 tokens in, 40 of
 * them cached, and 20 out. It calls the first tool of a request once, and then says that it is done. Models named `fail-…` are refused.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { json } from 'node:stream/consumers'

export interface StubModel extends AsyncDisposable {
  /** Without a path. */
  readonly url: string
}

/** Starts the server on a free port. */
export async function startStubModel(): Promise<StubModel> {
  const server = createServer((req, res) => void answer(req, res).catch(error => res.destroy(error)))
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      await new Promise<unknown>(resolve => server.close(resolve))
    },
  }
}

/** A request of any of the APIs, as far as it is read. */
interface Ask {
  readonly model?: string
  readonly stream?: boolean
  readonly tools?: readonly Tool[]
  readonly messages?: readonly unknown[]
  readonly input?: unknown
  readonly contents?: readonly unknown[]
}

interface Tool {
  readonly name?: string
  readonly function?: { readonly name: string; readonly parameters?: Schema }
  readonly functionDeclarations?: readonly Declaration[]
  readonly parameters?: Schema
  readonly input_schema?: Schema
}

interface Declaration {
  readonly name: string
  readonly parameters?: Schema
  /** Gemini's other name of them. */
  readonly parametersJsonSchema?: Schema
}

interface Schema {
  readonly properties?: Readonly<Record<string, unknown>>
}

async function answer(req: IncomingMessage, res: ServerResponse): Promise<void> {
  const path = req.url?.split('?', 1)[0] ?? ''
  const ask = (req.method === 'POST' ? await json(req) : {}) as Ask
  const model = ask.model ?? /models\/([^:]+):/.exec(path)?.[1] ?? ''
  if (model.includes('fail')) return sendRefusal(res, path)
  const call = toolCallOf(ask)
  if (path.endsWith('/chat/completions')) {
    if (ask.stream)
      sendEvents(
        res,
        chatChunks(model, call).map(data => ({ data })),
        true,
      )
    else send(res, 200, chatCompletion(model, call))
  } else if (path.endsWith('/responses')) {
    const response = responseOf(model, call)
    if (ask.stream) sendEvents(res, responseEvents(response))
    else send(res, 200, response)
  } else if (path.endsWith('/messages')) {
    const message = anthropicMessage(model, call)
    if (ask.stream) sendEvents(res, anthropicEvents(message))
    else send(res, 200, message)
  } else if (path.endsWith(':streamGenerateContent')) sendEvents(res, [{ data: geminiContent(model, call) }])
  else if (path.endsWith(':generateContent')) send(res, 200, geminiContent(model, call))
  else send(res, 404, { error: { message: `no such path: ${path}` } })
}

interface ToolCall {
  readonly name: string
  readonly input: Readonly<Record<string, string>>
}

/** The first tool of the request, unless a tool was called already. */
function toolCallOf({ tools, messages, input, contents }: Ask): ToolCall | undefined {
  const tool = tools?.[0]
  const declared =
    tool?.function ??
    tool?.functionDeclarations?.[0] ??
    (tool?.name === undefined ? undefined : { ...tool, name: tool.name })
  // The system prompt of smolagents shows how an observation looks.
  const said = messages?.filter(message => (message as { readonly role?: string }).role !== 'system')
  const history = JSON.stringify(said ?? input ?? contents ?? '')
  const wasCalled = /"tool"|function_call_output|tool_result|functionResponse|function_response|Observation:/.test(
    history,
  )
  if (declared === undefined || wasCalled) return undefined
  const { parameters, parametersJsonSchema } = declared as Declaration
  const schema = parameters ?? parametersJsonSchema ?? tool?.input_schema
  const names = Object.keys(schema?.properties ?? {})
  return { name: declared.name, input: Object.fromEntries(names.map(name => [name, 'x'])) }
}

const sentence = 'Final Answer: done'
const CREATED = 1_780_000_000
/** Dated, as real APIs answer for an alias. */
const dated = (model: string): string => (/\d{4}-\d{2}-\d{2}$/.test(model) ? model : `${model}-2024-08-06`)

function chatCompletion(model: string, call: ToolCall | undefined): object {
  const message =
    call === undefined
      ? { role: 'assistant', content: sentence }
      : { role: 'assistant', content: null, tool_calls: [chatCall(call)] }
  return {
    id: 'chatcmpl-1',
    object: 'chat.completion',
    created: CREATED,
    model: dated(model),
    choices: [{ index: 0, message, finish_reason: call === undefined ? 'stop' : 'tool_calls' }],
    usage: CHAT_USAGE,
  }
}

const CHAT_USAGE = {
  prompt_tokens: 100,
  completion_tokens: 20,
  total_tokens: 120,
  prompt_tokens_details: { cached_tokens: 40 },
  completion_tokens_details: { reasoning_tokens: 0 },
}

const chatCall = ({ name, input }: ToolCall): object => ({
  id: 'call_1',
  type: 'function',
  function: { name, arguments: JSON.stringify(input) },
})

function chatChunks(model: string, call: ToolCall | undefined): object[] {
  const delta =
    call === undefined
      ? { role: 'assistant', content: sentence }
      : { role: 'assistant', tool_calls: [{ index: 0, ...chatCall(call) }] }
  const chunk = { id: 'chatcmpl-1', object: 'chat.completion.chunk', created: CREATED, model: dated(model) }
  return [
    { ...chunk, choices: [{ index: 0, delta, finish_reason: null }] },
    { ...chunk, choices: [{ index: 0, delta: {}, finish_reason: call === undefined ? 'stop' : 'tool_calls' }] },
    { ...chunk, choices: [], usage: CHAT_USAGE },
  ]
}

function responseOf(model: string, call: ToolCall | undefined): Record<string, unknown> {
  const text = { type: 'output_text', text: sentence, annotations: [] }
  const output =
    call === undefined
      ? { type: 'message', id: 'msg_1', role: 'assistant', status: 'completed', content: [text] }
      : {
          type: 'function_call',
          id: 'fc_1',
          call_id: 'call_1',
          status: 'completed',
          name: call.name,
          arguments: JSON.stringify(call.input),
        }
  return {
    id: 'resp_1',
    object: 'response',
    created_at: CREATED,
    status: 'completed',
    model: dated(model),
    output: [output],
    parallel_tool_calls: false,
    tool_choice: 'auto',
    tools: [],
    error: null,
    incomplete_details: null,
    instructions: null,
    metadata: {},
    usage: {
      input_tokens: 100,
      input_tokens_details: { cached_tokens: 40, cache_write_tokens: 0 },
      output_tokens: 20,
      output_tokens_details: { reasoning_tokens: 0 },
      total_tokens: 120,
    },
  }
}

function responseEvents(response: Record<string, unknown>): { readonly event: string; readonly data: object }[] {
  const [item] = response.output as [object]
  const events = [
    { type: 'response.created', response: { ...response, status: 'in_progress', output: [], usage: null } },
    { type: 'response.output_item.added', output_index: 0, item },
    { type: 'response.output_item.done', output_index: 0, item },
    { type: 'response.completed', response },
  ]
  return events.map((event, sequence_number) => ({ event: event.type, data: { ...event, sequence_number } }))
}

interface AnthropicMessage {
  readonly content: readonly { readonly type: string; readonly text?: string; readonly input?: unknown }[]
  readonly stop_reason: string
  readonly usage: Readonly<Record<string, number>>
}

/** Anthropic counts cached tokens apart. */
function anthropicMessage(model: string, call: ToolCall | undefined): AnthropicMessage {
  const content = call === undefined ? { type: 'text', text: sentence } : { type: 'tool_use', id: 'toolu_1', ...call }
  return {
    id: 'msg_1',
    type: 'message',
    role: 'assistant',
    model,
    content: [content],
    stop_reason: call === undefined ? 'end_turn' : 'tool_use',
    stop_sequence: null,
    usage: { input_tokens: 60, cache_creation_input_tokens: 0, cache_read_input_tokens: 40, output_tokens: 20 },
  } as AnthropicMessage
}

/** The message as a stream: its one block begins empty, and its content follows as one delta. */
function anthropicEvents(message: AnthropicMessage): { readonly event: string; readonly data: object }[] {
  const { content, stop_reason, usage } = message
  const [block] = content as [AnthropicMessage['content'][number]]
  const [empty, delta] =
    block.type === 'text'
      ? [
          { ...block, text: '' },
          { type: 'text_delta', text: block.text },
        ]
      : [
          { ...block, input: {} },
          { type: 'input_json_delta', partial_json: JSON.stringify(block.input) },
        ]
  const started = { ...message, content: [], stop_reason: null, usage: { ...usage, output_tokens: 1 } }
  const events = [
    { type: 'message_start', message: started },
    { type: 'content_block_start', index: 0, content_block: empty },
    { type: 'content_block_delta', index: 0, delta },
    { type: 'content_block_stop', index: 0 },
    { type: 'message_delta', delta: { stop_reason, stop_sequence: null }, usage },
    { type: 'message_stop' },
  ]
  return events.map(data => ({ event: data.type, data }))
}

function geminiContent(model: string, call: ToolCall | undefined): object {
  const part = call === undefined ? { text: sentence } : { functionCall: { name: call.name, args: call.input } }
  return {
    candidates: [{ content: { role: 'model', parts: [part] }, finishReason: 'STOP', index: 0 }],
    usageMetadata: {
      promptTokenCount: 100,
      candidatesTokenCount: 20,
      totalTokenCount: 120,
      cachedContentTokenCount: 40,
    },
    modelVersion: model,
    responseId: 'r1',
  }
}

function sendRefusal(res: ServerResponse, path: string): void {
  const message = 'the model refuses'
  if (/generateContent$/i.test(path)) send(res, 400, { error: { code: 400, message, status: 'INVALID_ARGUMENT' } })
  else if (path.endsWith('/messages'))
    send(res, 400, { type: 'error', error: { type: 'invalid_request_error', message } })
  else send(res, 400, { error: { message, type: 'invalid_request_error', param: null, code: 'bad_model' } })
}

function send(res: ServerResponse, status: number, body: object): void {
  res.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
}

function sendEvents(
  res: ServerResponse,
  events: readonly { readonly event?: string; readonly data: object }[],
  endsWithDone = false,
): void {
  res.writeHead(200, { 'content-type': 'text/event-stream' })
  for (const { event, data } of events) {
    res.write(`${event === undefined ? '' : `event: ${event}\n`}data: ${JSON.stringify(data)}\n\n`)
  }
  res.end(endsWithDone ? 'data: [DONE]\n\n' : undefined)
}
