/** Serves the tools over standard input and output, by the SDK of the Model Context Protocol. */
import { Server } from '@modelcontextprotocol/sdk/server/index.js'
import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js'
import {
  CallToolRequestSchema,
  type CallToolResult,
  ErrorCode,
  ListToolsRequestSchema,
  McpError,
} from '@modelcontextprotocol/sdk/types.js'
import { nearest } from '../../config/nearest.ts'
import { VERSION } from '../../lib/version.ts'
import type { Io } from '../io.ts'
import { createTools, type OpenSource } from './tools.ts'

const INSTRUCTIONS = `Success rates, costs and times of AI agents by model and issue type, with intervals. Before work, "best_agent" and "route" say who
should do it. After work, "record_attempt" records how it went, and "record_outcome" what became known later. Rates are in percent. A difference within the intervals is no difference.`

/** Serves until standard input ends. Standard output carries nothing but the protocol. */
export async function serveTools(io: Pick<Io, 'stdin' | 'stdout'>, openSource: OpenSource): Promise<void> {
  const tools = new Map(createTools().map(tool => [tool.name, tool]))
  const server = new Server(
    { name: 'agent-performance', version: VERSION },
    { capabilities: { tools: {} }, instructions: INSTRUCTIONS },
  )
  server.setRequestHandler(ListToolsRequestSchema, () => ({
    tools: [...tools.values()].map(({ name, description, inputSchema, outputSchema, use }) => ({
      name,
      description,
      inputSchema: { ...inputSchema },
      outputSchema: { ...outputSchema },
      annotations: {
        readOnlyHint: use === 'ask',
        destructiveHint: false,
        idempotentHint: use === 'ask',
        openWorldHint: false,
      },
    })),
  }))
  server.setRequestHandler(CallToolRequestSchema, async ({ params: { name, arguments: given = {} } }) => {
    const tool = tools.get(name)
    if (tool === undefined) throw new McpError(ErrorCode.InvalidParams, unknownTool(name, tools.keys()))
    try {
      return resultOf(await tool.call(given, openSource))
    } catch (error) {
      return errorOf(error)
    }
  })
  const ended = new Promise<void>(resolve => {
    for (const event of ['end', 'close', 'error']) io.stdin.once(event, resolve)
  })
  await server.connect(new StdioServerTransport(io.stdin, io.stdout))
  await ended
  await server.close()
}

function unknownTool(name: string, known: Iterable<string>): string {
  const suggestion = nearest(name, known)
  return `there is no tool "${name}"${suggestion === undefined ? '' : `: did you mean "${suggestion}"?`}`
}

/** The answer as JSON, and as text for clients that know no structured content. */
function resultOf(answer: object): CallToolResult {
  const text = JSON.stringify(answer)
  return { structuredContent: JSON.parse(text), content: [{ type: 'text', text }] }
}

/** An error that the agent can read and act on. */
function errorOf(error: unknown): CallToolResult {
  const text = error instanceof Error ? error.message : String(error)
  return { isError: true, content: [{ type: 'text', text }] }
}
