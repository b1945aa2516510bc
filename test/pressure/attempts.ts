/** The attempts of a pressure run: numbered, over a fixed number of keys, with unique ids. */

export const KEYS = 1000

/** The attempt of a client with a number. */
export function pressureAttempt(client: string, number: number): Record<string, unknown> {
  const key = number % KEYS
  return {
    agent_name: `agent-${key % 20}`,
    model_name: `model-${Math.floor(key / 20) % 5}`,
    issue_type: `issue-${Math.floor(key / 100)}`,
    success: number % 3 !== 0,
    confidence: (number % 65) / 64,
    time_seconds: (number % 100) / 4,
    attempt_id: `${client}-${number}`,
  }
}
