/** Attempts to deliver. */
import type { Delivery, DeliveryStats, NewAttempt } from '../../src/index.ts'

export function attempt(id: string | number): NewAttempt {
  return {
    agent_name: 'Fixer',
    model_name: 'gpt',
    issue_type: 'bug',
    success: true,
    time_seconds: 1,
    timestamp: '2026-01-31T12:00:00Z',
    attempt_id: String(id),
  }
}

/** Ids from `first` on, as strings. */
export function ids(count: number, first = 0): string[] {
  return Array.from({ length: count }, (_, index) => String(first + index))
}

export function addAll(delivery: Delivery, ids: readonly string[]): void {
  for (const id of ids) delivery.add(attempt(id))
}

/** The sum of all counters. Every added attempt is in exactly one of them. */
export function total({ queued, delivered, duplicates, spooled, dropped }: DeliveryStats): number {
  return queued + delivered + duplicates + spooled + dropped.queue_full + dropped.rejected + dropped.closed
}

/** Resolves when `condition` holds. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise(resolve => setTimeout(resolve, 2))
}
