/** The parameters of a question as JSON Schema: for /openapi.json, and for the options of a command. */
import { z } from 'zod'
import { valueNames } from './parameters.ts'
import type { Question } from './question.ts'

export interface ParameterJson {
  readonly type: 'string' | 'number' | 'integer' | 'boolean'
  readonly description: string
  readonly enum?: readonly string[]
  readonly default?: unknown
}

/** One parameter, and the placeholder of its value in a help text, such as `count`. */
export interface DescribedParameter {
  readonly name: string
  readonly isRequired: boolean
  readonly json: ParameterJson
  readonly value: string
}

interface ObjectJson<Member> {
  readonly properties?: Readonly<Record<string, Member>>
  readonly required?: readonly string[]
}

/** All parameters of a question, in its order. */
export function describeParameters({ parameters }: Pick<Question, 'parameters'>): DescribedParameter[] {
  const { properties = {}, required = [] } = jsonOf<ParameterJson>(parameters)
  const values = jsonOf<{ readonly value?: string }>(parameters, valueNames)
  return Object.entries(properties).map(([name, json]) => ({
    name,
    isRequired: required.includes(name),
    json,
    value: values.properties?.[name]?.value ?? 'value',
  }))
}

function jsonOf<Member>(
  parameters: z.ZodType,
  metadata: z.core.$ZodRegistry<object> = z.globalRegistry,
): ObjectJson<Member> {
  const json: unknown = z.toJSONSchema(parameters, {
    io: 'input',
    metadata,
    // Zod omits the default of a parameter that is parsed from text.
    override({ zodSchema, jsonSchema }) {
      const { def } = zodSchema._zod
      if (def.type === 'default') jsonSchema.default = def.defaultValue
    },
  })
  return json as ObjectJson<Member>
}
