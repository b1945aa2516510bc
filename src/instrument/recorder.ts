/** The life of an attempt in the coordinator: born, ended, emitted, handed to the delivery. Nothing here throws. */
import { randomUUID } from 'node:crypto'
import type { Context } from '@opentelemetry/api'
import type { NewAttempt } from '../core/attempt/attempt.ts'
import { FIELD_LIST, type FieldsWith } from '../core/attempt/fields.ts'
import { parseTimestamp } from '../core/attempt/timestamp.ts'
import type { Delivery } from './delivery-queue.ts'
import { createAttemptMeter } from './instruments.ts'
import type { KnownOutcome } from './outcome.ts'
import type { Place, Problems } from './problems.ts'
import { settleAttempt, soundAttempt } from './sound-attempt.ts'
import { type AttemptSpan, startAttemptSpan } from './span.ts'

/** What is known of an attempt before it starts. A name that is none counts as `unknown`. */
export type AttemptLabels = Pick<NewAttempt, FieldsWith<{ readonly known: 'start' }>>

/** An attempt that is under way. */
interface StartedAttempt {
  /** In which its work runs. */
  readonly context: Context | undefined
  /** Ends it, now. To be called once; `message` is why it failed, in the error's own words. */
  end(outcome: () => KnownOutcome, message?: string): void
}

export interface Recorder {
  start(labels: () => AttemptLabels): StartedAttempt
  /** Records what was measured elsewhere. */
  record(stated: NewAttempt): void
}

/** A recorder that emits OpenTelemetry and hands every attempt to the delivery there is at its end. */
export function createRecorder(problems: Problems, currentDelivery: () => Pick<Delivery, 'add'> | undefined): Recorder {
  const meter = createAttemptMeter()

  const sound = (place: Place, state: () => NewAttempt): NewAttempt | undefined => {
    const soundness = problems.guard(place, () => soundAttempt(state()))
    for (const { pointer, detail } of soundness?.problems ?? []) problems.count(place, `${pointer} ${detail}`)
    return soundness?.attempt
  }

  const open = (attempt: NewAttempt, startedAt?: Date): AttemptSpan | undefined => {
    problems.guard('telemetry', () => meter.announce(attempt))
    return problems.guard('telemetry', () => startAttemptSpan(attempt, startedAt))
  }

  const emit = (attempt: NewAttempt): void => {
    problems.guard('telemetry', () => meter.record(attempt))
    // Only a delivery needs to know when it was, and to the letter.
    const delivery = currentDelivery()
    if (delivery !== undefined) problems.guard('telemetry', () => delivery.add(settleAttempt(attempt)))
  }

  return {
    start: labels => {
      const stated = problems.guard('labels', () => bornAttempt(labels()))
      const born = sound('labels', () => stated ?? bornAttempt({} as AttemptLabels))!
      const span = open(born)
      const startedMs = performance.now()
      return {
        context: span?.context,
        end: (outcome, message) => {
          const time_seconds = (performance.now() - startedMs) / 1000
          const ended = sound('describe', () => ({ ...born, ...outcome(), time_seconds }))!
          if (span !== undefined) problems.guard('telemetry', () => span.end(ended, { message }))
          emit(ended)
        },
      }
    },
    record: stated => {
      // Read once: a second look at a getter may see something else.
      const own = (): NewAttempt => (typeof stated === 'object' && stated !== null ? { ...stated } : stated)
      const usable = sound('attempt', own)
      if (usable === undefined) return
      const attempt = settleAttempt(usable)
      const endedMs = parseTimestamp(attempt.timestamp)!.ms
      const span = open(attempt, new Date(endedMs - attempt.time_seconds * 1000))
      problems.guard('telemetry', () => span?.end(attempt, { at: new Date(endedMs) }))
      emit(attempt)
    },
  }
}

/** Born failed and of no length: its end says better. With both set, whatever else is unsound is left out. */
function bornAttempt(labels: AttemptLabels): NewAttempt {
  const stated = Object.fromEntries(LABELS.map(name => [name, labels[name]]).filter(([, value]) => value !== undefined))
  return { ...(stated as unknown as AttemptLabels), success: false, time_seconds: 0, attempt_id: randomUUID() }
}

const LABELS = FIELD_LIST.filter(field => field.known === 'start').map(field => field.name as keyof AttemptLabels)
