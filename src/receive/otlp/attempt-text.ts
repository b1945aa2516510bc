/** The JSON of attempts whose texts are plain, in less than half of the time that JSON.stringify takes. */
import type { AttemptFields, NewAttempt } from '../../core/attempt/attempt.ts'
import { isPlainName } from './protobuf/known-names.ts'

/** Whether it is kept just so. Else it gets a time or a cost, and a text of before that would be made in vain. */
export function isWhole(it: NewAttempt): boolean {
  if (it.timestamp === undefined) return false
  if (it.cost_usd !== undefined) return true
  const tokens = it.input_tokens ?? it.output_tokens ?? it.cache_read_tokens ?? it.cache_write_tokens
  return tokens === undefined
}

/** Whether all texts in it are plain, as a time always is. */
export function hasPlainTexts(it: AttemptFields): boolean {
  return (
    isPlain(it.agent_name) &&
    isPlain(it.model_name) &&
    isPlain(it.issue_type) &&
    isPlain(it.attempt_id) &&
    isPlain(it.error_type) &&
    isPlain(it.experiment) &&
    isPlain(it.variant)
  )
}

const isPlain = (text: unknown): boolean => text === undefined || (typeof text === 'string' && isPlainName(text))

/** What JSON.stringify makes of an attempt whose texts hold nothing but printable ASCII, and neither quotes nor backslashes. */
export function printAttempt(it: NewAttempt): string {
  let text = `{"agent_name":"${it.agent_name}","model_name":"${it.model_name}","issue_type":"${it.issue_type}"`
  text += it.success ? ',"success":true' : ',"success":false'
  if (it.confidence !== undefined) text += `,"confidence":${numberText(it.confidence)}`
  text += `,"time_seconds":${numberText(it.time_seconds)}`
  if (it.timestamp !== undefined) text += `,"timestamp":"${it.timestamp}"`
  if (it.attempt_id !== undefined) text += `,"attempt_id":"${it.attempt_id}"`
  if (it.error_type !== undefined) text += `,"error_type":"${it.error_type}"`
  if (it.experiment !== undefined) text += `,"experiment":"${it.experiment}"`
  if (it.variant !== undefined) text += `,"variant":"${it.variant}"`
  if (it.input_tokens !== undefined) text += `,"input_tokens":${it.input_tokens}`
  if (it.output_tokens !== undefined) text += `,"output_tokens":${it.output_tokens}`
  if (it.cache_read_tokens !== undefined) text += `,"cache_read_tokens":${it.cache_read_tokens}`
  if (it.cache_write_tokens !== undefined) text += `,"cache_write_tokens":${it.cache_write_tokens}`
  if (it.cost_usd !== undefined) text += `,"cost_usd":${numberText(it.cost_usd)}`
  return `${text}}`
}

/** `.001` to `.999`, by their thousandths, without zeros at the end. */
const FRACTIONS: readonly string[] = Array.from({ length: 1000 }, (_, i) => (i === 0 ? '' : String(i / 1000).slice(1)))
const MAX_THOUSANDTHS = 1e9

/** As String has it: a number of thousandths, as most are, costs a third. */
function numberText(number: number | null): string {
  if (number === null) return 'null'
  const thousandths = Math.round(number * 1000)
  // A quotient is the double next to it, so they are equal where so many thousandths are what the number is printed as.
  if (thousandths > MAX_THOUSANDTHS || thousandths / 1000 !== number) return String(number)
  const whole = Math.floor(thousandths / 1000)
  return whole + FRACTIONS[thousandths - whole * 1000]!
}
