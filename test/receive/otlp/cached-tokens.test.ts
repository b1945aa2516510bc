/** Whether cached tokens are among the input tokens depends on the instrumentation and the provider. */
import { expect, onTestFinished, test } from 'vitest'
import { mergeMapping } from '../../../src/receive/otlp/mapping/table.ts'
import { openReceiver } from './receiver.ts'
import { send } from './spans.ts'

const STREAM = {
  'ai.operationId': 'ai.streamText',
  'ai.telemetry.functionId': 'fixer',
  'ai.response.finishReason': 'stop',
}
const USAGE = { 'gen_ai.usage.output_tokens': 20, 'ai.usage.cachedInputTokens': 40 }

test.each([
  ['5 hands on the input of OpenAI, which includes cached tokens', 'gpt-4o', { 'gen_ai.usage.input_tokens': 100 }],
  ['5 hands on the input of Anthropic, which excludes them', 'claude-sonnet-4-5', { 'gen_ai.usage.input_tokens': 60 }],
  [
    '6 adds them up for every provider',
    'claude-sonnet-4-5',
    { 'gen_ai.usage.input_tokens': 100, 'ai.usage.inputTokenDetails.noCacheTokens': 60 },
  ],
])('the AI SDK %s', async (_, model, input) => {
  const to = await openReceiver({ mapping: mergeMapping({ 'ai-sdk': { enabled: true } }) })
  onTestFinished(to.close)
  const call = { 'ai.operationId': 'ai.streamText.doStream', 'gen_ai.request.model': model, ...USAGE, ...input }
  await send(to, [
    { id: 2, parent: 1, name: 'ai.streamText.doStream', scope: 'ai', attributes: call },
    { id: 1, name: 'ai.streamText', scope: 'ai', attributes: STREAM },
  ])
  expect(to.kept).toMatchObject([
    { agent_name: 'fixer', model_name: model, input_tokens: 60, output_tokens: 20, cache_read_tokens: 40 },
  ])
})
