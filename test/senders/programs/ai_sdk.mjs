/** Vercel AI SDK 4 to 7: fixer asks helper by a tool; a run without a name; a run whose model refuses; a stream that is aborted. */
import { createOpenAI } from '@ai-sdk/openai'
import { NodeSDK } from '@opentelemetry/sdk-node'
import * as ai from 'ai'
import { z } from 'zod'

const sdk = new NodeSDK()
sdk.start()
const major = Number(process.env.AI_MAJOR)
if (major >= 7) {
  const { OpenTelemetry } = await import('@ai-sdk/otel')
  ai.registerTelemetry(new OpenTelemetry())
}
const openai = createOpenAI({ baseURL: process.env.OPENAI_BASE_URL, apiKey: 'x' })
const model = name => (openai.chat ?? openai)(name)
const telemetry = functionId =>
  major >= 7
    ? { telemetry: functionId ? { functionId } : {} }
    : { experimental_telemetry: { isEnabled: true, functionId } }
const steps = major >= 5 ? { stopWhen: ai.stepCountIs?.(3) ?? ai.isStepCount?.(3) } : { maxSteps: 3 }
const schema = z.object({ question: z.string() })
const askHelper = ai.tool({
  description: 'asks the helper',
  ...(major >= 5 ? { inputSchema: schema } : { parameters: schema }),
  execute: async ({ question }) =>
    (await ai.generateText({ model: model('gpt-4o-mini'), prompt: question, ...telemetry('helper') })).text,
})
try {
  if (process.env.CASE === 'fail') {
    await ai.generateText({ model: model('fail-model'), prompt: 'fix it', maxRetries: 0, ...telemetry('fixer') })
  } else if (process.env.CASE === 'anthropic') {
    const { createAnthropic } = await import('@ai-sdk/anthropic')
    const anthropic = createAnthropic({ baseURL: `${process.env.ANTHROPIC_BASE_URL}/v1`, apiKey: 'x' })
    await ai.generateText({ model: anthropic('claude-sonnet-4-5'), prompt: 'fix it', ...telemetry('fixer') })
  } else if (process.env.CASE === 'noname') {
    await ai.generateText({ model: model('gpt-4o'), prompt: 'fix it', ...telemetry() })
  } else {
    await ai.generateText({
      model: model('gpt-4o'),
      prompt: 'fix it',
      tools: { askHelper },
      ...steps,
      ...telemetry('fixer'),
    })
  }
} finally {
  await sdk.shutdown()
}
