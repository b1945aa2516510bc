/** Zod schemas that the compiler holds equal to the types of the core: /openapi.json cannot describe another answer than is sent. */
import { z } from 'zod'
import { FIELD_DESCRIPTIONS } from './field-descriptions.ts'

/** Arrays and members as read-only, so that only what is on the wire is compared. */
type Plain<T> = T extends readonly (infer Item)[]
  ? readonly Plain<Item>[]
  : T extends object
    ? { readonly [Name in keyof T]: Plain<T[Name]> }
    : T

/** The same with every member required: optional members that only one type has would pass as equal otherwise. */
type Complete<T> = T extends readonly (infer Item)[]
  ? readonly Complete<Item>[]
  : T extends object
    ? { readonly [Name in keyof T]-?: Complete<T[Name]> }
    : T

type Compared<T> = [Plain<T>, Complete<T>]

/** What the compiler shows where a schema and its type differ: both of them. */
interface SchemaDiffers<Type, Schema> {
  readonly expected: Type
  readonly found: Schema
}

/** `unknown` if the type and the schema's type are assignable in both directions at every depth; else a type that nothing satisfies. */
export type Exactly<Type, Schema> =
  Compared<Type> extends Compared<Schema>
    ? Compared<Schema> extends Compared<Type>
      ? unknown
      : SchemaDiffers<Type, Schema>
    : SchemaDiffers<Type, Schema>

/** The schema of each member of `T`. */
export type Fields<T> = {
  readonly [Name in keyof T]-?: undefined extends T[Name]
    ? z.ZodOptional<z.ZodType<Exclude<T[Name], undefined>, Exclude<T[Name], undefined>>>
    : z.ZodType<T[Name], T[Name]>
}

/** The schema of an object of type `T` without other members. Its `shape` can be spread into a larger schema. */
export type ObjectSchema<T> = z.ZodObject<Fields<T>, z.core.$strict>

/** Creates the schema of `T`. `id` names it among the components of /openapi.json. */
export function objectSchema<T, Shape extends z.ZodRawShape>(
  id: string,
  shape: Shape & Exactly<T, z.output<z.ZodObject<Shape>>>,
): ObjectSchema<T> {
  return strictObject(shape).meta({ id }) as unknown as ObjectSchema<T>
}

/** An object without other members, whose fields have the descriptions of their names. */
export function strictObject<Shape extends z.ZodRawShape>(shape: Shape): z.ZodObject<Shape, z.core.$strict> {
  const described = Object.entries(shape).map(([name, schema]) => [name, describedField(name, schema as z.ZodType)])
  return z.strictObject(Object.fromEntries(described) as Shape)
}

function describedField(name: string, schema: z.ZodType): z.ZodType {
  const description = FIELD_DESCRIPTIONS.get(name)
  return schema.description !== undefined || description === undefined ? schema : schema.meta({ description })
}

/** The schema of an object with a member for each name from outside. */
export const byName = <T>(
  schema: z.ZodType<T, T>,
  description: string,
): z.ZodType<Record<string, T>, Record<string, T>> => z.record(z.string(), schema).meta({ description })
