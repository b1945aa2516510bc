/** What a delivery sends: attempts, and outcomes of attempts. */
import type { NewAttempt } from '../core/attempt/attempt.ts'
import type { Outcome } from '../core/fold.ts'

export type DeliveryItem = NewAttempt | Outcome

/** An attempt has no source. */
export function isOutcome(item: DeliveryItem): item is Outcome {
  return 'source' in item
}

/** Identifies an item in a spool. Outcomes in a delivery state their time. */
export function itemId(item: DeliveryItem): string {
  return isOutcome(item) ? JSON.stringify([item.attempt_id, item.source, item.timestamp]) : (item.attempt_id ?? '')
}

/** The first items of one kind: a request holds either attempts or outcomes. */
export function firstOfOneKind(items: readonly DeliveryItem[]): readonly NewAttempt[] | readonly Outcome[] {
  const [first] = items
  if (first === undefined) return []
  const end = items.findIndex(item => isOutcome(item) !== isOutcome(first))
  return (end < 0 ? items : items.slice(0, end)) as readonly NewAttempt[] | readonly Outcome[]
}

/** Whether a batch of one kind holds outcomes. */
export function areOutcomes(batch: readonly NewAttempt[] | readonly Outcome[]): batch is readonly Outcome[] {
  return batch[0] !== undefined && isOutcome(batch[0])
}
