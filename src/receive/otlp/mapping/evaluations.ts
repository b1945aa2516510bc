/**
 * Evaluations as outcomes of attempts: the event `gen_ai.evaluation.result` of the GenAI conventions, as a log record or as an event of a span.
 * Its context is the span that is evaluated, whose ids are the identity of an attempt that states none.
 */
import { OUTCOME_BYTES, outcomeProblems } from '../../../core/attempt/outcome.ts'
import { parseTimestamp } from '../../../core/attempt/timestamp.ts'
import { utf8Length } from '../../../core/attempt/validation.ts'
import type { Outcome } from '../../../core/fold.ts'
import { attributeOf } from '../scalar.ts'
import type { KeyValue, Maybe } from '../schema.ts'
import type { TelemetryRecord } from '../telemetry-record.ts'
import { booleanOf } from './field-sources.ts'
import { spanIdentity } from './record-identity.ts'

/** The name of the event. */
export const EVALUATION = 'gen_ai.evaluation.result'

/**
 * The labels that say whether an issue was fixed. Others, such as `relevant`, judge something else. The conventions leave open what a number
 * means, so that a number alone says nothing.
 */
const LABELS: ReadonlyMap<string, boolean> = new Map([
  ...['pass', 'passed', 'success', 'succeeded', 'correct', 'resolved', 'true', 'yes'].map(
    label => [label, true] as const,
  ),
  ...['fail', 'failed', 'failure', 'incorrect', 'unresolved', 'false', 'no'].map(label => [label, false] as const),
])

/** Where an evaluation is, beside its attributes. */
interface Place {
  /** The identity of the attempt, unless `agent.attempt.id` states it. */
  readonly attemptId: unknown
  readonly timestamp: unknown
}

/** Undefined if it does not say whether an attempt succeeded, or of which attempt. Total. */
function outcomeOf(attributes: Maybe<KeyValue[]>, { attemptId, timestamp }: Place): Outcome | undefined {
  // The evaluation itself failed.
  if (attributeOf(attributes, 'error.type') !== undefined) return undefined
  const stated = booleanOf(attributeOf(attributes, 'agent.attempt.success'))
  const label = String(attributeOf(attributes, 'gen_ai.evaluation.score.label') ?? '').toLowerCase()
  const note = noteOf(attributeOf(attributes, 'gen_ai.evaluation.explanation'))
  const outcome = {
    attempt_id: attributeOf(attributes, 'agent.attempt.id') ?? attemptId,
    success: typeof stated === 'boolean' ? stated : LABELS.get(label),
    source: attributeOf(attributes, 'agent.outcome.source') ?? attributeOf(attributes, 'gen_ai.evaluation.name'),
    ...(typeof timestamp === 'string' && { timestamp }),
    ...(note !== undefined && { note }),
  }
  const problems = outcomeProblems(outcome, text => parseTimestamp(text) !== undefined)
  return problems.length === 0 ? (outcome as Outcome) : undefined
}

/** An explanation of any length, cut to that of a note. */
function noteOf(explanation: unknown): string | undefined {
  if (typeof explanation !== 'string' || explanation === '') return undefined
  const text = explanation.toWellFormed()
  if (utf8Length(text) <= OUTCOME_BYTES.note) return text
  return new TextDecoder().decode(Buffer.from(text).subarray(0, OUTCOME_BYTES.note - 3)).replace(/\uFFFD+$/, '')
}

/** The outcome that a log record of this event states. `timeOf` finds its time. */
export function outcomeOfRecord(
  record: TelemetryRecord,
  timeOf: (record: TelemetryRecord) => unknown,
): Outcome | undefined {
  return outcomeOf(record.whole.attributes, { attemptId: spanIdentity(record), timestamp: timeOf(record) })
}

/** The outcomes that the events of a span state. `attemptId` is that of the attempt which the span is. */
export function outcomesOfSpan(
  record: TelemetryRecord,
  attemptId: unknown,
  timeOf: (record: TelemetryRecord) => unknown,
): readonly Outcome[] {
  const place = { attemptId: attemptId ?? spanIdentity(record), timestamp: timeOf(record) }
  return (record.whole.events ?? []).flatMap(({ name, attributes }) =>
    name === EVALUATION ? (outcomeOf(attributes, place) ?? []) : [],
  )
}
