/** The life of an attempt in the coordinator: born, ended, emitted, handed to the delivery. Nothing here throws. */
import type { Context } from '@opentelemetry/api'
import type { NewAttempt } from '../core/attempt.ts'
import { parseTimestamp } from '../core/timestamp.ts'
import { createAttemptMeter } from './instruments.ts'
import type { KnownOutcome } from './outcome.ts'
import type { Place, Problems } from './problems.ts'
import { type SettledAttempt, soundAttempt } from './sound-attempt.ts'
import { type AttemptSpan, startAttemptSpan } from './span.ts'

/** What is known of an attempt before it starts. A name that is none counts as `unknown`. */
export type AttemptLabels = Pick<NewAttempt, 'agent_name' | 'model_name' | 'issue_type' | 'experiment' | 'variant'>

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

/** A recorder that emits OpenTelemetry and hands every attempt to `deliver`, which must return at once. */
export function createRecorder(problems: Problems, deliver: (attempt: SettledAttempt) => void): Recorder {
  const meter = createAttemptMeter()

  const sound = (place: Place, state: () => NewAttempt): SettledAttempt | undefined => {
    const soundness = problems.guard(place, () => soundAttempt(state()))
    for (const { pointer, detail } of soundness?.problems ?? []) problems.count(place, `${pointer} ${detail}`)
    return soundness?.attempt
  }

  const open = (attempt: SettledAttempt, startedAt?: Date): AttemptSpan | undefined => {
    problems.guard('telemetry', () => meter.announce(attempt))
    return problems.guard('telemetry', () => startAttemptSpan(attempt, startedAt))
  }

  const emit = (attempt: SettledAttempt): void => {
    problems.guard('telemetry', () => meter.record(attempt))
    problems.guard('telemetry', () => deliver(attempt))
  }

  return {
    start: labels => {
      const stated = problems.guard('labels', () => pickLabels(labels()))
      // Born failed and of no length: its end says better. With both set, whatever else is unsound is left out.
      const born = sound('labels', () => ({ ...(stated as AttemptLabels), success: false, time_seconds: 0 }))!
      const span = open(born)
      const startedMs = performance.now()
      return {
        context: span?.context,
        end: (outcome, message) => {
          const time_seconds = (performance.now() - startedMs) / 1000
          const timestamp = new Date().toISOString()
          const ended = sound('describe', () => ({ ...born, ...outcome(), time_seconds, timestamp }))!
          problems.guard('telemetry', () => span?.end(ended, { message }))
          emit(ended)
        },
      }
    },
    record: stated => {
      const attempt = sound('attempt', () => stated)
      if (attempt === undefined) return
      const endedMs = parseTimestamp(attempt.timestamp)!.ms
      const span = open(attempt, new Date(endedMs - attempt.time_seconds * 1000))
      problems.guard('telemetry', () => span?.end(attempt, { at: new Date(endedMs) }))
      emit(attempt)
    },
  }
}

function pickLabels({ agent_name, model_name, issue_type, experiment, variant }: AttemptLabels): AttemptLabels {
  return { agent_name, model_name, issue_type, experiment, variant }
}
