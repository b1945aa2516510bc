/** The JSON of attempts whose strings need no escapes, in less than half of the time that JSON.stringify takes. */
import type { NewAttempt } from '../../core/attempt/attempt.ts'
import { FIELD_LIST, type ListedField } from '../../core/attempt/fields.ts'
import { compile } from '../compile.ts'
import type { StatedAttempt } from '../read-attempt.ts'
import { isUnescaped } from './protobuf/known-names.ts'

/** True if applying defaults does not change the attempt, so that its JSON can be printed before. */
export function isComplete(attempt: NewAttempt): boolean {
  if (attempt.timestamp === undefined) return false
  if (attempt.cost_usd !== undefined) return true
  const { input_tokens, output_tokens, cache_read_tokens, cache_write_tokens } = attempt
  return (input_tokens ?? output_tokens ?? cache_read_tokens ?? cache_write_tokens) === undefined
}

/** Whether no string in it needs an escape in JSON: all are printable ASCII without quotes and backslashes. A timestamp always is. */
export function needsNoEscapes(stated: StatedAttempt): boolean {
  return areUnescaped(stated, isUnescapedString)
}

const isUnescapedString = (text: unknown): boolean =>
  text === undefined || (typeof text === 'string' && isUnescaped(text))

const STRINGS = FIELD_LIST.filter(field => field.kind === 'string')
const areUnescaped = compile<(it: StatedAttempt, isUnescapedString: (text: unknown) => boolean) => boolean>(
  ['it', 'isUnescapedString'],
  [`return ${STRINGS.map(({ name }) => `isUnescapedString(it.${name})`).join(' && ')}`],
)

/** What JSON.stringify prints of a valid attempt that {@link needsNoEscapes} and whose fields are in the order of the table. */
export function printAttempt(attempt: NewAttempt): string {
  return print(attempt, printNumber)
}

type Print = (attempt: NewAttempt, printNumber: (number: number | null) => string) => string

const print = compile<Print>(
  ['it', 'printNumber'],
  ["let text = ''", ...FIELD_LIST.map(printField), "return '{' + text.slice(1) + '}'"],
)

function printField({ name, kind, required }: ListedField): string {
  const isText = kind === 'string' || kind === 'timestamp'
  const printed = kind === 'number' ? `printNumber(it.${name})` : `it.${name}`
  const append = isText ? `text += ',"${name}":"' + it.${name} + '"'` : `text += ',"${name}":' + ${printed}`
  return required ? append : `if (it.${name} !== undefined) ${append}`
}

/** `.001` to `.999`, by their thousandths, without trailing zeros. */
const FRACTIONS: readonly string[] = Array.from({ length: 1000 }, (_, i) => (i === 0 ? '' : String(i / 1000).slice(1)))
const MAX_THOUSANDTHS = 1e9

/** What String prints. Most numbers are whole thousandths, which cost a third this way. */
function printNumber(number: number | null): string {
  if (number === null) return 'null'
  const thousandths = Math.round(number * 1000)
  // A quotient is the nearest double, so that it equals the number exactly where the number is printed with that many thousandths.
  if (thousandths > MAX_THOUSANDTHS || thousandths / 1000 !== number) return String(number)
  const whole = Math.floor(thousandths / 1000)
  return whole + FRACTIONS[thousandths - whole * 1000]!
}
