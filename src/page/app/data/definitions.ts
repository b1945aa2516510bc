/** What fields of answers mean: the descriptions that the question registry gives to /openapi.json. */
import { getJson } from './api.ts'
import { BASE } from './router.ts'

interface Schema {
  readonly $ref?: string
  readonly description?: string
  readonly properties?: Readonly<Record<string, Schema>>
  readonly additionalProperties?: Schema | boolean
  readonly items?: Schema
  readonly anyOf?: readonly Schema[]
}

interface OpenApi {
  readonly paths: Readonly<Record<string, { readonly get?: { readonly responses: Readonly<Record<string, Content>> } }>>
  readonly components: { readonly schemas: Readonly<Record<string, Schema>> }
}

interface Content {
  readonly content?: Readonly<Record<string, { readonly schema: Schema }>>
}

let document: Promise<OpenApi> | undefined

/** The description of a field, as in `['rows', 'p_best']`. `*` is any name of a record. Loaded when it is first needed. */
export async function definitionOf(path: string, field: readonly string[]): Promise<string> {
  document ??= getJson(new URL('openapi.json', BASE)) as Promise<OpenApi>
  const openApi = await document.catch(error => {
    document = undefined
    throw error
  })
  const root = openApi.paths[`/api/v1/${path}`]?.get?.responses['200']?.content?.['application/json']?.schema
  let schema: Schema | undefined = root
  for (const name of field) schema = schema && memberOf(openApi, schema, name)
  return schema?.description ?? 'The API does not describe this field.'
}

function memberOf(openApi: OpenApi, schema: Schema, name: string): Schema | undefined {
  const own = schema.$ref === undefined ? schema : openApi.components.schemas[schema.$ref.split('/').at(-1)!]
  if (own === undefined) return undefined
  if (own.properties?.[name] !== undefined) return own.properties[name]
  if (own.items !== undefined) return memberOf(openApi, own.items, name)
  if (name === '*' && typeof own.additionalProperties === 'object') return own.additionalProperties
  for (const one of own.anyOf ?? []) {
    const member = memberOf(openApi, one, name)
    if (member !== undefined) return member
  }
  return undefined
}
