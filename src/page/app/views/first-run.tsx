/** The page of an empty store: how to record the first attempt. It becomes the live view when one arrives. */
import { BASE } from '../data/router.ts'
import { Badge } from '../parts/basics.tsx'
import { CopyButton } from '../parts/copy.tsx'
import { Heading } from '../parts/heading.tsx'
import { Verdict } from '../parts/verdict.tsx'

const base = BASE.href.replace(/\/$/, '')

const LIBRARY = `import { deliverTo, trackAttempt } from 'agent-performance-client'

const delivery = deliverTo('${base}')
const fix = await trackAttempt(
  { agent_name: 'RefactoringAgent', model_name: 'claude-sonnet-4', issue_type: 'complexity' },
  () => agent.fix(issue),
  fix => ({ success: fix.ok, confidence: fix.confidence }),
)
await delivery.close(5000) // before the process exits`

const CURL = `curl -X POST '${base}/api/v1/attempts' -H 'Content-Type: application/json' -d '{
  "agent_name": "RefactoringAgent", "model_name": "claude-sonnet-4", "issue_type": "complexity",
  "success": true, "confidence": 0.85, "time_seconds": 2.3 }'`

const OTLP = `OTEL_EXPORTER_OTLP_ENDPOINT='${base}'
OTEL_EXPORTER_OTLP_PROTOCOL='http/protobuf'
OTEL_LOGS_EXPORTER='otlp'
OTEL_TRACES_EXPORTER='otlp'`

const RECIPES: readonly (readonly [title: string, text: string, code: string])[] = [
  ['From your coordinator', 'Wrap the call of an agent. The result and its time are recorded.', LIBRARY],
  ['From a shell', 'Record one attempt by hand.', CURL],
  ['From OpenTelemetry', 'Send the logs or spans that your agents emit already.', OTLP],
]

export function FirstRunView() {
  return (
    <main class="first-run">
      <Heading title="Record the first attempt" filters={[]}>
        The store is empty. Any of these three ways fills it.
      </Heading>
      <Verdict
        badge={<Badge tone="open">Waiting</Badge>}
        detail="This page turns into the live view by itself."
        announced="Waiting for the first attempt"
      >
        Waiting for the first attempt.
      </Verdict>
      {RECIPES.map(([title, text, code]) => (
        <section key={title} class="card recipe" aria-label={title}>
          <header class="card-head">
            <h2>{title}</h2>
            <p>{text}</p>
            <div class="actions">
              <CopyButton text={code} label="Copy" />
            </div>
          </header>
          {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a block that scrolls must be reachable by the keyboard. */}
          <pre tabIndex={0}>
            <code>{code}</code>
          </pre>
        </section>
      ))}
    </main>
  )
}
