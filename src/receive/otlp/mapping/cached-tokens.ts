/** Which senders state cached tokens apart from the input tokens, although the GenAI conventions count them among those. */

/**
 * These hand on the usage of Anthropic's and Bedrock's API, whose input excludes cached tokens: Microsoft Agent Framework, and Strands.
 * With other models both state the input of OpenAI's API, which includes them. So does version 5 of the Vercel AI SDK. All other
 * instrumentations add them up, as the conventions demand; Anthropic's own SDK does so too.
 */
const APART: ReadonlySet<unknown> = new Set(['agent_framework', 'strands.telemetry.tracer', 'ai'])
const MODELS_APART = /claude|anthropic/i

/** Version 6 of the Vercel AI SDK states this, and adds cached tokens up. */
export const INPUT_WITHOUT_CACHE = 'ai.usage.inputTokenDetails.noCacheTokens'

/** Whether spans of a scope about a model count cached tokens apart. */
export function statesCacheApart(scope: unknown, model: unknown): boolean {
  return APART.has(scope) && typeof model === 'string' && MODELS_APART.test(model)
}
