/** `mcp`: the questions and recording as tools of the Model Context Protocol. */
import type { Command } from 'commander'
import type { Io } from './io.ts'
import { withSource } from './source.ts'
import { type WhereOptions, withSourceOptions } from './where.ts'

const HELP = `
An agent can look at its own numbers before it acts, and record how it went. The
client starts this command and speaks to it over standard input and output.

Every question is a tool: best_agent, route, success_rate, trends and more, with
the parameters of HTTP. record_attempt records one attempt, and record_outcome
what became known of it later. With --store, each call opens the store: a
question read only, the others to write.

Configuration of common clients: docs/mcp.md

Examples:
  claude mcp add agent-performance -- agent-performance mcp
  agent-performance mcp --url https://agents.example.com --token-file token`

export function addMcp(program: Command, io: Io): void {
  const command = program.command('mcp').summary('questions and recording as tools for agents, over MCP')
  command.description(
    'Serves the questions and recording as tools of the Model Context Protocol, over standard input and output.',
  )
  withSourceOptions(command)
    .addHelpText('after', HELP)
    .action(async (where: WhereOptions) => {
      // The SDK is loaded on demand, because only this command needs it.
      const { serveTools } = await import('./mcp/server.ts')
      await serveTools(io, (use, work) => withSource(where, io, use, work))
    })
}
