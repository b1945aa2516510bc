/** The rules about the sidecar itself: limits that are near, and the store. */
import type { StoreHealth, StoreUsage } from '../ports.ts'
import type { Alert, AlertFigure } from './alert.ts'
import { type Finding, type Firing, isFiring, makeAlert } from './make-alert.ts'
import type { RuleInForce } from './settings.ts'

/** Percent of a limit by which the use has to fall below the threshold before an alert ends. */
const END_BELOW = 5

/** A number in use and its limit. */
interface Filled {
  readonly what: string
  readonly used: number
  readonly limit: number
}

export const keysFilled = ({ keys, maxKeys }: StoreUsage): Filled => ({ what: 'keys', used: keys, limit: maxKeys })
export const armsFilled = ({ arms, maxArms }: StoreUsage): Filled => ({ what: 'arms', used: arms, limit: maxArms })

/** An alert if so much of a limit is in use. */
export function limitAlerts({ what, used, limit }: Filled, rule: RuleInForce, firing: Firing, nowMs: number): Alert[] {
  const lasts = isFiring(firing, rule.rule.name, [])
  const least = (rule.threshold ?? 100) - (lasts ? END_BELOW : 0)
  if (limit === 0 || (100 * used) / limit < least) return []
  const flag = `--max-${what}`
  const full = used >= limit ? ` Further ones are counted together.` : ''
  return [
    makeAlert(
      rule,
      {
        labels: [],
        summary: `${used} of the ${limit} ${what} that ${flag} allows are in use.`,
        evidence: `${((100 * used) / limit).toFixed(0)} % are in use.${full}`,
        figures: [count(`${what} in use`, used), count(`limit of ${what}`, limit)],
        page: 'now',
        question: 'api/v1/metrics?recent=false',
      },
      firing,
      nowMs,
    ),
  ]
}

const count = (name: string, after: number): AlertFigure => ({
  name,
  unit: 'count',
  before: null,
  after,
  interval: null,
  n: after,
})

/** An alert if the store accepts no attempts, and one for each further problem of it. */
export function storeAlerts(
  { writable, isReadOnly = false, reason, advisories = [] }: StoreHealth,
  rules: { readonly failing: RuleInForce; readonly degraded: RuleInForce },
  firing: Firing,
  nowMs: number,
): Alert[] {
  const finding = (summary: string, evidence: string, labels: Finding['labels'] = []): Finding => ({
    labels,
    summary,
    evidence,
    figures: [],
    page: 'now',
    question: 'readyz?verbose',
  })
  const failing = finding('The store of the sidecar accepts no attempts.', reason ?? 'It is not writable.')
  const found =
    writable || isReadOnly || !rules.failing.isEnabled ? [] : [makeAlert(rules.failing, failing, firing, nowMs)]
  if (!rules.degraded.isEnabled) return found
  const names = [...new Set(advisories.map(({ name }) => name))]
  return [
    ...found,
    ...names.map(name => {
      const details = advisories.filter(one => one.name === name).map(({ detail }) => detail)
      const summary = `The store of the sidecar has a problem: ${name}.`.slice(0, 120)
      return makeAlert(rules.degraded, finding(summary, details.join('; '), [['problem', name]]), firing, nowMs)
    }),
  ]
}
