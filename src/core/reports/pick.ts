/** Picks one of several agents by Thompson sampling, from what the question `route` answers. */
import { createRandom, drawBeta } from '../statistics/random.ts'

/** What is known of an agent with a model at one issue type. */
export interface PickEvidence {
  readonly agent_name: string
  readonly model_name: string
  /** In percent, 0 to 100. */
  readonly success_rate: number
  /** Independent attempts, which may be fractional. */
  readonly attempts: number
}

/**
 * The agent with the highest draw from the posterior of its success rate, so that each is picked with the probability that it is the best.
 * An agent without evidence is drawn from the prior. The draw of an agent with several models is the highest of theirs. The same seed and
 * evidence give the same agent. Undefined without agents.
 * Source: W. R. Thompson, Biometrika 25 (1933), with Jeffreys' prior.
 */
export function pickByDraw<Agent extends string>(
  agents: readonly Agent[],
  evidence: readonly PickEvidence[],
  seed: string,
): Agent | undefined {
  let best: { readonly agent: Agent; readonly draw: number } | undefined
  for (const agent of agents) {
    const own = evidence.filter(({ agent_name }) => agent_name === agent)
    const draws = own.length === 0 ? [drawRate(seed, agent, 0, 0)] : own.map(one => drawKnown(seed, one))
    const draw = Math.max(...draws)
    if (best === undefined || draw > best.draw) best = { agent, draw }
  }
  return best?.agent
}

function drawKnown(seed: string, { agent_name, model_name, success_rate, attempts }: PickEvidence): number {
  return drawRate(seed, `${agent_name}\u0000${model_name}`, (success_rate / 100) * attempts, attempts)
}

/** The id seeds the draw, so that it does not depend on the other agents. */
function drawRate(seed: string, id: string, successes: number, attempts: number): number {
  return drawBeta(createRandom(`${seed}\u0000${id}`), successes + 0.5, attempts - successes + 0.5)
}
