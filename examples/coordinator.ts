/**
 * A coordinator that asks for the best agent before each issue, and records every agent call as an attempt.
 *
 *     npm run example
 *
 * starts a sidecar, works through some issues, and prints the report. To use a running sidecar:
 *
 *     npm run example -- http://127.0.0.1:9464
 */
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createClient, deliverTo, type SidecarClient, trackAttempt } from '../src/index.ts'
import {
  type Agent,
  type Fix,
  formattingAgent,
  type Issue,
  importAgent,
  isClean,
  issues,
  newFormattingAgent,
  refactoringAgent,
} from './agents.ts'

/** An A/B test: each formatting issue is assigned at random to one of two versions of the agent. */
const ARMS = [
  { experiment: 'strings-aside', variant: 'old', agent: formattingAgent },
  { experiment: 'strings-aside', variant: 'new', agent: newFormattingAgent },
] as const

const randomArm = (): (typeof ARMS)[number] => ARMS[Math.random() < 0.5 ? 0 : 1]

/** Runs agents on issues, and asks the sidecar which agent to use. */
class AgentCoordinator {
  readonly #agents: readonly Agent[]
  readonly #sidecar: SidecarClient

  constructor(agents: readonly Agent[], sidecar: SidecarClient) {
    this.#agents = agents
    this.#sidecar = sidecar
  }

  /** The fixed source. Undefined if no agent could fix it. */
  async handle(issue: Issue, explore: boolean): Promise<string | undefined> {
    for (const agent of explore ? this.#agents : [await this.#best(issue)]) {
      const fix = await this.#attempt(agent, issue).catch(() => undefined)
      if (fix !== undefined && isClean(issue.type, fix.source)) return fix.source
    }
    return undefined
  }

  /** All of the instrumentation: wraps the agent's work and reports its result. */
  #attempt(agent: Agent, issue: Issue): Promise<Fix> {
    const inExperiment = agent === formattingAgent && issue.type === 'formatting'
    const { agent: used, ...arm } = inExperiment ? randomArm() : { agent }
    const labels = { agent_name: agent.name, model_name: agent.model, issue_type: issue.type, ...arm }
    return trackAttempt(
      labels,
      () => used.fix(issue),
      fix => ({ success: isClean(issue.type, fix.source), confidence: fix.confidence }),
    )
  }

  /** Falls back to the first agent. A sidecar that does not answer must not stop the work. */
  async #best(issue: Issue): Promise<Agent> {
    const best = await this.#sidecar.bestAgent(issue.type, { minAttempts: 3 }).catch(() => undefined)
    return this.#agents.find(agent => agent.name === best?.agent_name) ?? this.#agents[0]!
  }
}

async function work(url: string): Promise<void> {
  const file = process.env.AGENT_PERFORMANCE_TOKEN_FILE
  const token = file === undefined ? undefined : firstToken(await readFile(file, 'utf8'))
  const sidecar = createClient(url, { token })
  const delivery = deliverTo(url, { token })
  const coordinator = new AgentCoordinator([formattingAgent, importAgent, refactoringAgent], sidecar)
  const tally = { fixed: 0, issues: 0 }
  for (const [index, issue] of issues().entries()) {
    // Tries all agents on the first issues. Later only the best agent is used.
    const exploring = index < 18
    if ((await coordinator.handle(issue, exploring)) !== undefined) tally.fixed++
    tally.issues++
    if (index === 17) await delivery.flush(5000)
  }
  await delivery.close(5000)
  const report = await sidecar.report()
  console.log(`\n${tally.fixed} of ${tally.issues} issues fixed.\n`)
  for (const [issue, best] of Object.entries(report.recommendations)) {
    console.log(
      `${issue.padEnd(12)} ${best.agent_name} fixed ${best.success_rate.toFixed(0)} % of ${best.total_attempts}`,
    )
  }
  const experiment = await sidecar.experiment(ARMS[0].experiment, { baseline: 'old' })
  for (const { summary } of experiment?.comparisons ?? []) console.log(`\nThe experiment: ${summary}`)
  console.log(`\nThe whole report:\n${JSON.stringify(report, null, 2)}`)
}

/** The first token of a token file, in the sidecar's format: one token per line, followed by its permissions. */
function firstToken(text: string): string | undefined {
  const lines = text.split('\n').map(line => line.trim())
  return lines.find(line => line !== '' && !line.startsWith('#'))?.split(/\s/, 1)[0]
}

/** Runs `use` with a temporary sidecar. */
async function withOwnSidecar(use: (url: string) => Promise<void>): Promise<void> {
  const { startSidecar } = await import('../src/sidecar.ts')
  const { loadConfig } = await import('../src/config/config.ts')
  const { createLog } = await import('../src/server/log.ts')
  const folder = await mkdtemp(join(tmpdir(), 'agent-performance-example-'))
  const flags = { listen: '127.0.0.1:0', store: join(folder, 'agent_performance.json') }
  const sidecar = await startSidecar(loadConfig({ flags, env: {} }).config, createLog('warn'))
  try {
    console.log(`sidecar at ${sidecar.url}`)
    await use(sidecar.url)
  } finally {
    await sidecar.close()
    await rm(folder, { recursive: true, force: true })
  }
}

const url = process.argv[2]
await (url === undefined ? withOwnSidecar(work) : work(url))
