/**
 * Declares every field of an attempt once. The types, validation, the wire schema, the OTLP rules, the printer and the library derive from
 * this table. To add a field, add it here and use it where it has a meaning.
 */

/** The declaration of a field: its valid values and their meaning. */
export type AttemptField = {
  readonly required: boolean
  /**
   * When the value is known: to the caller before the work starts (`start`), after it ends (`end`) or at either time (`any`), or to the
   * instrumentation (`measured`).
   */
  readonly known: 'start' | 'end' | 'any' | 'measured'
  /** The attribute of an `invoke_agent` span with the value. Undefined if the span expresses the value in another way. */
  readonly spanAttribute: string | undefined
  readonly description: string
} & (
  | { readonly kind: 'string'; readonly maxBytes: number }
  | { readonly kind: 'boolean' }
  | { readonly kind: 'number'; readonly max: number; readonly nullable?: true }
  | { readonly kind: 'integer'; readonly max: number }
  | { readonly kind: 'timestamp' }
)

/**
 * The fields by their JSON names, in the order in which an attempt is printed. `maxBytes` counts bytes of UTF-8. Numbers are from 0 to `max`.
 * A larger number is probably in the wrong unit, and would distort every average (1e9 seconds are about 31 years).
 */
export const ATTEMPT_FIELDS = {
  agent_name: {
    kind: 'string',
    maxBytes: 256,
    required: true,
    known: 'start',
    spanAttribute: 'gen_ai.agent.name',
    description: 'The agent, compared byte for byte.',
  },
  model_name: {
    kind: 'string',
    maxBytes: 256,
    required: true,
    known: 'start',
    spanAttribute: 'gen_ai.request.model',
    description: 'The model the agent ran with. A spelling in --model-aliases stands for its name.',
  },
  issue_type: {
    kind: 'string',
    maxBytes: 256,
    required: true,
    known: 'start',
    spanAttribute: 'agent.attempt.issue_type',
    description: 'What kind of issue it tried to fix.',
  },
  success: {
    kind: 'boolean',
    required: false,
    known: 'end',
    spanAttribute: undefined,
    description:
      'Whether the issue was fixed; absent: the attempt is pending, needs an attempt_id, and counts once an outcome decides it.',
  },
  confidence: {
    kind: 'number',
    max: 1,
    nullable: true,
    required: false,
    known: 'end',
    spanAttribute: 'agent.attempt.confidence',
    description: "The agent's stated confidence, 0 to 1; absent: counts in everything but confidence.",
  },
  time_seconds: {
    kind: 'number',
    max: 1e9,
    required: true,
    known: 'measured',
    spanAttribute: undefined,
    description: 'How long the attempt took, in seconds.',
  },
  timestamp: {
    kind: 'timestamp',
    required: false,
    known: 'measured',
    spanAttribute: undefined,
    description:
      'When the attempt ended (RFC 3339; without a zone: local time, resolved when received). Default: the time of receipt.',
  },
  attempt_id: {
    kind: 'string',
    maxBytes: 128,
    required: false,
    known: 'measured',
    spanAttribute: 'agent.attempt.id',
    description: 'Identity: the same id counts once, so that sending again is safe.',
  },
  error_type: {
    kind: 'string',
    maxBytes: 256,
    required: false,
    known: 'end',
    spanAttribute: 'error.type',
    description: 'Why it failed, as a short stable word.',
  },
  experiment: {
    kind: 'string',
    maxBytes: 256,
    required: false,
    known: 'start',
    spanAttribute: 'agent.attempt.experiment',
    description: 'The A/B test it belongs to; stated with variant, or not at all.',
  },
  variant: {
    kind: 'string',
    maxBytes: 256,
    required: false,
    known: 'start',
    spanAttribute: 'agent.attempt.variant',
    description: 'Which configuration of the experiment ran; stated with experiment, or not at all.',
  },
  task_id: {
    kind: 'string',
    maxBytes: 256,
    required: false,
    known: 'any',
    spanAttribute: 'agent.attempt.task_id',
    description:
      'The task it worked on. Runs of the same task are not independent: intervals and comparisons are clustered by it.',
  },
  session_id: {
    kind: 'string',
    maxBytes: 256,
    required: false,
    known: 'any',
    spanAttribute: 'agent.attempt.session_id',
    description: "The coordinator's or agent's session it belongs to. Stored and listed only.",
  },
  trace_id: {
    kind: 'string',
    maxBytes: 256,
    required: false,
    known: 'any',
    spanAttribute: undefined,
    description: 'The trace it belongs to. Stored and listed only.',
  },
  input_tokens: {
    kind: 'integer',
    max: 1e12,
    required: false,
    known: 'end',
    spanAttribute: 'gen_ai.usage.input_tokens',
    description: 'Tokens put in, outside any cache.',
  },
  output_tokens: {
    kind: 'integer',
    max: 1e12,
    required: false,
    known: 'end',
    spanAttribute: 'gen_ai.usage.output_tokens',
    description: 'Tokens put out.',
  },
  cache_read_tokens: {
    kind: 'integer',
    max: 1e12,
    required: false,
    known: 'end',
    spanAttribute: 'gen_ai.usage.cache_read.input_tokens',
    description: 'Tokens read from a cache.',
  },
  cache_write_tokens: {
    kind: 'integer',
    max: 1e12,
    required: false,
    known: 'end',
    spanAttribute: 'gen_ai.usage.cache_creation.input_tokens',
    description: 'Tokens written to a cache.',
  },
  cost_usd: {
    kind: 'number',
    max: 1e9,
    required: false,
    known: 'end',
    spanAttribute: 'agent.attempt.cost_usd',
    description:
      'What it cost in US dollars, as reported. Without it the cost is computed where the model has a price.',
  },
} as const

/** Fields that require each other: an experiment without a variant compares nothing. */
export const PAIRED_FIELDS: readonly ['experiment', 'variant'] = ['experiment', 'variant']

type Declared = typeof ATTEMPT_FIELDS

/** The JSON name of a field. */
export type AttemptFieldName = keyof Declared

/** The names of the fields whose declaration has `Part`. */
export type FieldsWith<Part> = {
  [Name in AttemptFieldName]: Declared[Name] extends Part ? Name : never
}[AttemptFieldName]

type ValueOf<Field> = Field extends { readonly kind: 'string' | 'timestamp' }
  ? string
  : Field extends { readonly kind: 'boolean' }
    ? boolean
    : Field extends { readonly nullable: true }
      ? number | null
      : number

/** The fields that every attempt has. */
export type RequiredFields = {
  readonly [Name in FieldsWith<{ readonly required: true }>]: ValueOf<Declared[Name]>
}

/** The fields that an attempt may leave out. */
export type OptionalFields = {
  readonly [Name in FieldsWith<{ readonly required: false }>]?: ValueOf<Declared[Name]> | undefined
}

/** A declaration with its name, and its index in {@link FIELD_LIST}. */
export type ListedField = AttemptField & { readonly name: AttemptFieldName; readonly index: number }

/** The same properties in the same order for every field: V8 reads objects of one shape several times as fast. */
function listed(name: AttemptFieldName, index: number, field: AttemptField): ListedField {
  const all = { name, index, maxBytes: undefined, max: undefined, nullable: undefined, ...field }
  return all as ListedField
}

/** The declarations in order: code that handles every field loops over this list. */
export const FIELD_LIST: readonly ListedField[] = Object.entries<AttemptField>(ATTEMPT_FIELDS).map(
  ([name, field], index) => listed(name as AttemptFieldName, index, field),
)

/** The declarations by name. A Map, because names from outside may be `__proto__` or `constructor`. */
export const FIELD_BY_NAME: ReadonlyMap<string, ListedField> = new Map(FIELD_LIST.map(field => [field.name, field]))
