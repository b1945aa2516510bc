/** Which senders state cached tokens apart from the input tokens, although the GenAI conventions count them among those. */

/**
 * These hand on the usage of Anthropic's and Bedrock's API, whose input excludes cached tokens: Microsoft Agent Framework, and Strands.
 * With other models both state the input of OpenAI's API, which includes them. All other instrumentations add them up, as the conventions
 * demand; Anthropic's own SDK does so too.
 */
const APART: ReadonlySet<unknown> = new Set(['agent_framework', 'strands.telemetry.tracer'])
const MODELS_APART = /claude|anthropic/i

/** Whether spans of a scope about a model count cached tokens apart. */
export function statesCacheApart(scope: unknown, model: unknown): boolean {
  return APART.has(scope) && typeof model === 'string' && MODELS_APART.test(model)
}
