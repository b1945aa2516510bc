/** The attributes of OpenTelemetry's GenAI conventions, today's names before older ones. */

/** Tokens. */
export const GEN_AI_USAGE: Readonly<
  Record<'input_tokens' | 'output_tokens' | 'cache_read_tokens' | 'cache_write_tokens', readonly string[]>
> = {
  input_tokens: ['gen_ai.usage.input_tokens', 'gen_ai.usage.prompt_tokens', 'gen_ai.aggregated_usage.input_tokens'],
  output_tokens: [
    'gen_ai.usage.output_tokens',
    'gen_ai.usage.completion_tokens',
    'gen_ai.aggregated_usage.output_tokens',
  ],
  cache_read_tokens: [
    'gen_ai.usage.cache_read.input_tokens',
    'gen_ai.usage.cache_read_input_tokens',
    'gen_ai.aggregated_usage.cache_read.input_tokens',
  ],
  cache_write_tokens: [
    'gen_ai.usage.cache_creation.input_tokens',
    'gen_ai.usage.cache_creation_input_tokens',
    'gen_ai.usage.cache_write.input_tokens',
    'gen_ai.aggregated_usage.cache_creation.input_tokens',
  ],
}
