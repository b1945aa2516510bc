/** The frame of all views: the bar, the view of the URL, and what stands in its place without attempts or without a token. */
import type { ComponentType } from 'preact'
import { useEffect, useRef } from 'preact/hooks'
import { useAnswer } from './data/answers.ts'
import { tokenProblem } from './data/api.ts'
import { parameters, type View, view } from './data/router.ts'
import { Link } from './parts/basics.tsx'
import { ConnectionState } from './parts/connection-state.tsx'
import { TokenForm } from './parts/token-form.tsx'
import { AgentView } from './views/agent.tsx'
import { AlertsView } from './views/alerts.tsx'
import { AttemptsView } from './views/attempts.tsx'
import { BestView } from './views/best.tsx'
import { CostsView } from './views/costs.tsx'
import { ExperimentsView } from './views/experiments.tsx'
import { FirstRunView } from './views/first-run.tsx'
import { ModelsView } from './views/models.tsx'
import { NowView } from './views/now.tsx'

const VIEW_COMPONENTS: Readonly<Record<View, ComponentType>> = {
  now: NowView,
  best: BestView,
  agent: AgentView,
  models: ModelsView,
  experiments: ExperimentsView,
  costs: CostsView,
  alerts: AlertsView,
  attempts: AttemptsView,
}

/** The links of the bar, in their order. */
const LINKS: readonly (readonly [View, string])[] = [
  ['now', 'Now'],
  ['best', 'Who is best'],
  ['agent', 'One agent'],
  ['models', 'Models'],
  ['experiments', 'Experiments'],
  ['costs', 'Costs'],
  ['attempts', 'Attempts'],
  // The last one: the number of alerts that fire comes later than the others, and must not move them.
  ['alerts', 'Alerts'],
]

export function App() {
  return (
    <>
      <a class="skip" href="#content">
        Skip to the content
      </a>
      <TopBar />
      <div id="content" tabIndex={-1}>
        {tokenProblem.value === undefined ? <CurrentView /> : <TokenForm problem={tokenProblem.value} />}
      </div>
    </>
  )
}

function TopBar() {
  const { since, issue_type } = parameters.value
  const nav = useRef<HTMLElement>(null)
  const firing = useFiringCount()
  // On a phone the links scroll inside the bar. The number of alerts makes the last one longer.
  useEffect(() => {
    nav.current?.querySelector('[aria-current]')?.scrollIntoView({ inline: 'center', block: 'nearest' })
  }, [view.value, firing])
  return (
    <header class="bar">
      <div class="bar-content">
        <Link to="best" class="brand">
          <Mark />
          <span class="brand-name">agent-performance</span>
        </Link>
        <nav ref={nav} aria-label="Views">
          {LINKS.map(([to, label]) => (
            <Link key={to} to={to} query={{ since, issue_type }} current={view.value === to}>
              {label}
              {to === 'alerts' && <FiringCount firing={firing} />}
            </Link>
          ))}
        </nav>
        <ConnectionState />
      </div>
    </header>
  )
}

/** The number of alerts that fire. */
function useFiringCount(): number {
  const answer = useAnswer('alerts', tokenProblem.value === undefined ? { state: 'firing' } : undefined, {
    follows: 'time',
  })
  return answer.data?.alerts.length ?? 0
}

/** Nothing while no alert fires. */
function FiringCount({ firing }: { firing: number }) {
  return firing === 0 ? null : (
    <span class="firing-count">
      {firing}
      <span class="hidden"> firing</span>
    </span>
  )
}

function Mark() {
  return (
    <svg viewBox="0 0 24 24" width="24" height="24" role="img" aria-label="agent-performance" class="mark">
      <rect width="24" height="24" rx="5" />
      <path d="M4 8h11M9 16h11" />
      <circle cx="9" cy="8" r="3" />
      <circle cx="15" cy="16" r="3" />
    </svg>
  )
}

/** The view of the URL. An empty store shows how to record the first attempt, until it arrives. */
function CurrentView() {
  const hasAttempts = useRef(false)
  // Asked until there is an attempt: later it would cost the sidecar an answer a second for nothing.
  const any = useAnswer('leaderboard', hasAttempts.current ? undefined : { limit: '1' })
  hasAttempts.current ||= (any.data?.rows.length ?? 0) > 0
  const Current = VIEW_COMPONENTS[view.value]
  if (any.data !== undefined && !hasAttempts.current) return <FirstRunView />
  return <Current key={view.value} />
}
