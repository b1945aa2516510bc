/**
 * Picks the agent for the next issue by past results. Uses nothing of Node, so that it works wherever `fetch` does.
 */
import { type PickEvidence, pickByDraw } from '../core/reports/pick.ts'
import { messageOf, warn } from './problems.ts'
import { sidecarAddress, urlOfEnvironment } from './sidecar-address.ts'

export interface PickOptions {
  /** The URL of the sidecar. By default `AGENT_PERFORMANCE_URL`, else `http://127.0.0.1:9464`. */
  readonly url?: string | URL | undefined
  /** The bearer token of the sidecar. By default `AGENT_PERFORMANCE_TOKEN`. */
  readonly token?: string | undefined
  /** The longest wait for the sidecar in milliseconds. 50 by default. */
  readonly deadlineMs?: number | undefined
  /**
   * The seed of the run, such as the id of its issue: the same seed and the same past results give the same agent. By default every pick has
   * a new seed.
   */
  readonly seed?: string | undefined
}

/**
 * Picks one of `agents` for an issue of this type. Each is picked with the probability that it is the best by the attempts so far, so that
 * agents with few attempts are tried too (Thompson sampling). If the sidecar does not answer within the deadline, its last answer decides.
 * Without one, the first agent is picked. Never throws or rejects. Undefined only if `agents` is empty.
 */
export interface PickAgent {
  <const Agent extends string>(
    issueType: string,
    agents: readonly [Agent, ...Agent[]],
    options?: PickOptions,
  ): Promise<Agent>
  <Agent extends string>(issueType: string, agents: readonly Agent[], options?: PickOptions): Promise<Agent | undefined>
}

const DEADLINE_MS = 50
/** An answer that arrives after the deadline, but within this time, decides the next picks. */
const ANSWER_MS = 1_000
/** Maximum number of issue types (and sidecars) whose last answer is kept. */
const MAX_ANSWERS = 1_000

/** The last answer to one question, and the request under way. */
interface LastAnswer {
  evidence?: readonly PickEvidence[]
  asking?: Promise<void> | undefined
}

/** Creates a `pickAgent` with answers of its own. */
export function createPickAgent(): PickAgent {
  const answers = new Map<string, LastAnswer>()

  async function evidenceOf(issueType: string, options: PickOptions): Promise<LastAnswer['evidence']> {
    const address = sidecarAddress(options.url ?? urlOfEnvironment(), options.token)
    const url = address.at('api/v1/route', { issue_type: issueType })
    const last = lastAnswer(answers, `${url.href} ${address.headers.authorization}`)
    const deadlineMs = options.deadlineMs ?? DEADLINE_MS
    // Concurrent picks share a request. A slow sidecar must not collect requests.
    last.asking ??= ask(url, address.headers, deadlineMs > ANSWER_MS ? deadlineMs : ANSWER_MS)
      .then(evidence => {
        last.evidence = evidence
      }, warnOf)
      .finally(() => {
        last.asking = undefined
      })
    await within(last.asking, deadlineMs)
    return last.evidence
  }

  async function pick<Agent extends string>(
    issueType: string,
    agents: readonly Agent[],
    options: PickOptions = {},
  ): Promise<Agent | undefined> {
    try {
      const evidence = await evidenceOf(issueType, options)
      if (evidence !== undefined) return pickByDraw(agents, evidence, options.seed ?? crypto.randomUUID())
    } catch (error) {
      warnOf(error)
    }
    return agents?.[0]
  }

  return pick as PickAgent
}

/** {@link PickAgent} with answers that the whole process shares. */
export const pickAgent: PickAgent = createPickAgent()

function warnOf(error: unknown): void {
  warn(() => `pickAgent: ${messageOf(error)}`)
}

function lastAnswer(answers: Map<string, LastAnswer>, question: string): LastAnswer {
  const last = answers.get(question) ?? {}
  // Reinserted at the end, so that the first entry is the one that was not asked for longest.
  answers.delete(question)
  answers.set(question, last)
  const [oldest] = answers.keys()
  if (answers.size > MAX_ANSWERS) answers.delete(oldest!)
  return last
}

async function ask(
  url: URL,
  headers: Readonly<Record<string, string>>,
  timeoutMs: number,
): Promise<readonly PickEvidence[]> {
  const response = await fetch(url, { headers, redirect: 'error', signal: AbortSignal.timeout(timeoutMs) })
  if (response.ok) return evidenceIn(await response.json())
  await response.body?.cancel()
  throw new Error(`${url.origin}${url.pathname} answered ${response.status}`)
}

/** The evidence in an answer of `route`. Throws if it is none. */
function evidenceIn(answer: unknown): readonly PickEvidence[] {
  const { ranked } = answer as { readonly ranked?: unknown }
  if (!Array.isArray(ranked)) throw new Error('the answer is not what a sidecar says')
  return ranked.map(evidenceOfRoute)
}

function evidenceOfRoute(route: Readonly<Record<string, unknown>>): PickEvidence {
  const { agent_name, model_name, success_rate, total_attempts, effective_attempts = total_attempts } = route
  const isKnown =
    typeof agent_name === 'string' &&
    typeof model_name === 'string' &&
    typeof success_rate === 'number' &&
    typeof effective_attempts === 'number'
  if (!isKnown) throw new Error('the answer is not what a sidecar says')
  return { agent_name, model_name, success_rate, attempts: effective_attempts }
}

/** Resolves when the promise does, at the latest after `ms`. */
async function within(promise: Promise<void>, ms: number): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const late = new Promise<void>(resolve => {
    // Node warns of a time that is no time.
    timer = setTimeout(resolve, ms > 0 ? ms : 0)
  })
  await Promise.race([promise, late]).finally(() => clearTimeout(timer))
}
