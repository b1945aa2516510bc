/** Records attempts in the coordinator: starts and ends them, emits telemetry, adds them to the delivery. Never throws. */
import type { Context } from '@opentelemetry/api'
import type { AttemptKey, NewAttempt } from '../core/attempt/attempt.ts'
import { FIELD_LIST, type FieldsWith } from '../core/attempt/fields.ts'
import { parseTimestamp } from '../core/attempt/timestamp.ts'
import type { Delivery } from './delivery-queue.ts'
import { createAttemptMeter } from './instruments.ts'
import type { KnownOutcome } from './outcome.ts'
import type { ProblemSource, Problems } from './problems.ts'
import { type AttemptSpan, startAttemptSpan } from './span.ts'
import { applyDefaults, usableAttempt } from './valid-attempt.ts'

/** The fields that may be known before an attempt starts. An invalid name counts as `unknown`. */
export type AttemptLabels = Pick<NewAttempt, FieldsWith<{ readonly known: 'start' | 'any' }>>

/** An attempt that is running. */
export interface StartedAttempt {
  readonly id: string
  /** The context to run the work in. */
  readonly context: Context | undefined
  /** Sets the end of the work to now, although its outcome is not known yet. */
  stop(): void
  /** Ends the attempt, by default now. Only the first call counts. `message` is the message of the error that it failed with. */
  end(outcome: () => KnownOutcome, message?: string): void
}

export interface Recorder {
  start(labels: () => AttemptLabels): StartedAttempt
  /** Records an attempt that was measured elsewhere. */
  record(stated: NewAttempt): void
}

/** What a recorder looks up for each attempt, because it may change. */
export interface RecorderSettings {
  readonly problems: Problems
  readonly delivery: () => Pick<Delivery, 'add'> | undefined
  /** Whether attempts with this `error_type` are left out. */
  readonly isOmitted: (errorType: string) => boolean
}

/** Creates a recorder that emits OpenTelemetry and adds every ended attempt to the current delivery. */
export function createRecorder({ problems, delivery: currentDelivery, isOmitted }: RecorderSettings): Recorder {
  const meter = createAttemptMeter()

  const usable = (source: ProblemSource, state: () => NewAttempt, instead?: AttemptKey): NewAttempt | undefined => {
    const checked = problems.guard(source, () => usableAttempt(state(), instead))
    for (const { pointer, detail } of checked?.problems ?? []) problems.count(source, `${pointer} ${detail}`)
    return checked?.attempt
  }

  const open = (attempt: NewAttempt, startedAt?: Date): AttemptSpan | undefined => {
    problems.guard('telemetry', () => meter.announce(attempt))
    return problems.guard('telemetry', () => startAttemptSpan(attempt, startedAt))
  }

  const emit = (attempt: NewAttempt): void => {
    problems.guard('telemetry', () => meter.record(attempt))
    // Only attempts for a delivery need a timestamp and an id.
    const delivery = currentDelivery()
    if (delivery !== undefined) problems.guard('telemetry', () => delivery.add(applyDefaults(attempt)))
  }

  return {
    start: labels => {
      const stated = problems.guard('labels', () => initialAttempt(labels()))
      const started = usable('labels', () => stated ?? initialAttempt({} as AttemptLabels))!
      const span = open(started)
      const startedMs = performance.now()
      let stopped: { readonly ms: number; readonly at: Date } | undefined
      let isEnded = false
      return {
        id: started.attempt_id!,
        context: span?.context,
        stop: () => {
          stopped = { ms: performance.now(), at: new Date() }
        },
        end: (outcome, message) => {
          if (isEnded) return
          isEnded = true
          const time_seconds = ((stopped?.ms ?? performance.now()) - startedMs) / 1000
          const at = stopped?.at
          const initial = withTrace(started, span)
          const described = (): NewAttempt => ({ ...initial, ...outcome(), time_seconds })
          const timed = at && ((): NewAttempt => ({ ...described(), timestamp: at.toISOString() }))
          const ended = usable('describe', timed ?? described, started)!
          const omitted = ended.error_type !== undefined && isOmitted(ended.error_type)
          if (span !== undefined) problems.guard('telemetry', () => span.end(ended, { message, at, omitted }))
          if (omitted) return
          if (ended.model_name !== started.model_name) problems.guard('telemetry', () => meter.announce(ended))
          emit(ended)
        },
      }
    },
    record: stated => {
      // Copy, because a getter may return another value at the second read.
      const own = (): NewAttempt => (typeof stated === 'object' && stated !== null ? { ...stated } : stated)
      const valid = usable('attempt', own)
      if (valid === undefined) return
      const attempt = applyDefaults(valid)
      const endedMs = parseTimestamp(attempt.timestamp)!.ms
      const span = open(attempt, new Date(endedMs - attempt.time_seconds * 1000))
      problems.guard('telemetry', () => span?.end(attempt, { at: new Date(endedMs) }))
      emit(withTrace(attempt, span))
    },
  }
}

/** The attempt with the trace of its span, as the sidecar reads it from the span itself, unless it states a trace. */
function withTrace(attempt: NewAttempt, span: AttemptSpan | undefined): NewAttempt {
  return attempt.trace_id === undefined && span?.traceId !== undefined
    ? { ...attempt, trace_id: span.traceId }
    : attempt
}

/** Placeholders for success and duration until the attempt ends. Validation discards an attempt without them. */
function initialAttempt(labels: AttemptLabels): NewAttempt {
  const stated: { -readonly [Name in keyof AttemptLabels]?: unknown } = {}
  for (const name of LABELS) {
    const value = labels[name]
    if (value !== undefined) stated[name] = value
  }
  return { ...(stated as AttemptLabels), success: false, time_seconds: 0, attempt_id: crypto.randomUUID() }
}

const LABELS = FIELD_LIST.filter(({ known }) => known === 'start' || known === 'any').map(
  field => field.name as keyof AttemptLabels,
)
