/** Mastra with its exporter for OpenTelemetry: fixer asks helper by a tool. */
import { createOpenAI } from '@ai-sdk/openai'
import { Mastra } from '@mastra/core'
import { Agent } from '@mastra/core/agent'
import { createTool } from '@mastra/core/tools'
import { Observability } from '@mastra/observability'
import { OtelExporter } from '@mastra/otel-exporter'
import { z } from 'zod'

const openai = createOpenAI({ baseURL: process.env.OPENAI_BASE_URL, apiKey: 'x' })
const helper = new Agent({ id: 'helper', name: 'helper', instructions: 'help', model: openai.chat('gpt-4o-mini') })
const askHelper = createTool({
  id: 'ask_helper',
  description: 'asks the helper',
  inputSchema: z.object({ question: z.string() }),
  execute: async (input, context) => ({
    text: (await helper.generate(input.question ?? 'x', { tracingContext: context?.tracingContext })).text,
  }),
})
const fixer = new Agent({
  id: 'fixer',
  name: 'fixer',
  instructions: 'fix',
  model: openai.chat('gpt-4o'),
  tools: { askHelper },
})
const endpoint = `${process.env.OTEL_EXPORTER_OTLP_ENDPOINT}/v1/traces`
const exporter = new OtelExporter({ provider: { custom: { endpoint, protocol: 'http/protobuf' } } })
const mastra = new Mastra({
  agents: { fixer, helper },
  observability: new Observability({ configs: { otel: { serviceName: 'm', exporters: [exporter] } } }),
})
await mastra.getAgent('fixer').generate('fix it', { maxSteps: 3 })
await exporter.flush?.()
await mastra.shutdown?.()
await exporter.shutdown?.()
