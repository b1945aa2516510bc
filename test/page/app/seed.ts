/** Attempts for tests of the live page: agents of different quality, with confidences, costs, failures and an experiment. */

/** Names that would do harm if they became HTML, a formula or a selector. */
export const HOSTILE = '<img src=x onerror=alert(1)>"\'&=cmd|calc'

const AGENTS = [
  ['strong', 'model-a', 0.9],
  ['middle', 'model-a', 0.6],
  ['middle', 'model-b', 0.55],
  [HOSTILE, 'model-b', 0.3],
] as const

/** 400 attempts of the last hours, always the same but for their times. */
export function seedAttempts(nowMs: number): object[] {
  return Array.from({ length: 400 }, (_, i) => {
    const [agent_name, model_name, rate] = AGENTS[i % AGENTS.length]!
    const round = Math.floor(i / AGENTS.length)
    const success = (round * 37) % 100 < rate * 100
    return {
      attempt_id: `seed-${i}`,
      timestamp: new Date(nowMs - (400 - i) * 60_000).toISOString(),
      agent_name,
      model_name,
      issue_type: round % 2 === 0 ? 'fix-git' : 'parse-csv',
      success,
      confidence: success ? 0.85 : 0.65,
      time_seconds: 30 + (round % 10) * 12,
      cost_usd: (model_name === 'model-a' ? 0.4 : 0.1) * (1 + (round % 5) / 10),
      ...(!success && { error_type: round % 3 === 0 ? 'timeout' : 'wrong_answer', trace_id: `trace-${i}` }),
      ...(agent_name === 'middle' && { experiment: 'prompt', variant: model_name === 'model-a' ? 'control' : 'short' }),
    }
  })
}

/** Outcomes of half of {@link seedAttempts}, as CI may find them out: a third of them failed, whatever was reported. */
export const seedOutcomes = (): object[] =>
  Array.from({ length: 200 }, (_, i) => ({ attempt_id: `seed-${2 * i + 1}`, success: i % 3 > 0, source: 'ci' }))
