/**
 * Reads an expression of PromQL and says what is wrong with it: syntax, metrics and labels that do not exist, counters that are read as
 * they stand, gauges that are taken for counters, bucket bounds that the next Prometheus spells otherwise.
 */
import type { SyntaxNode } from '@lezer/common'
import { parser } from '@prometheus-io/lezer-promql'
import { METRICS, type Metric } from './metric-labels.ts'

const OF_COUNTERS: ReadonlySet<string> = new Set(['rate', 'irate', 'increase'])
const OF_NEITHER: ReadonlySet<string> = new Set(['absent', 'count', 'group', 'changes', 'last_over_time', 'timestamp'])

/** Values for Grafana's variables, as Grafana substitutes them. */
export function withVariables(expr: string, values: Readonly<Record<string, string>> = {}): string {
  const all: Readonly<Record<string, string>> = { __range: '1h', __rate_interval: '5m', ...values }
  return expr.replaceAll(/\$(\w+)/g, (_, name: string) => all[name] ?? '.+')
}

/** The faults of an expression; empty for a valid one. `raw` names counters that may be read without rate() or increase(). */
export function faultsOf(expr: string, raw: readonly string[] = []): string[] {
  const text = withVariables(expr)
  const faults: string[] = []
  parser.parse(text).iterate({
    enter(cursor) {
      const node = cursor.node
      if (node.type.isError)
        faults.push(`does not parse at ${node.from}: ${text.slice(Math.max(0, node.from - 20), node.to + 20)}`)
      if (node.name === 'VectorSelector') faults.push(...selectorFaults(node, text, raw))
      if (node.name === 'GroupingLabels') faults.push(...groupingFaults(node, text))
    },
  })
  return faults
}

/** The names of all metrics in an expression. */
export function metricsOf(expr: string): string[] {
  const text = withVariables(expr)
  const names: string[] = []
  parser.parse(text).iterate({
    enter(cursor) {
      if (cursor.name === 'VectorSelector') names.push(nameOf(cursor.node, text))
    },
  })
  return names
}

function selectorFaults(selector: SyntaxNode, text: string, raw: readonly string[]): string[] {
  const name = nameOf(selector, text)
  const metric = METRICS.get(name)
  if (metric === undefined) return [`there is no metric ${name}`]
  const matchers = selector.getChild('LabelMatchers')?.getChildren('UnquotedLabelMatcher') ?? []
  return [
    ...matchers.flatMap(matcher => matcherFaults(matcher, name, metric, text)),
    ...usageFaults(selector, name, metric, text, raw),
  ]
}

function matcherFaults(matcher: SyntaxNode, name: string, metric: Metric, text: string): string[] {
  const label = slice(matcher.getChild('LabelName'), text)
  const value = slice(matcher.getChild('StringLiteral'), text).slice(1, -1)
  if (!metric.labels.has(label)) return [`${name} has no label ${label}`]
  const spelled = slice(matcher.getChild('MatchOp'), text) === '=' && /^\d+([.]0)?$/.test(value)
  return label === 'le' && spelled ? [`le="${value}" has another spelling in Prometheus 3`] : []
}

function usageFaults(
  selector: SyntaxNode,
  name: string,
  metric: Metric,
  text: string,
  raw: readonly string[],
): string[] {
  const call = callAround(selector, text)
  if (metric.type === 'gauge') return OF_COUNTERS.has(call) ? [`${name} is a gauge, and ${call} is for counters`] : []
  const good = OF_COUNTERS.has(call) || OF_NEITHER.has(call) || raw.includes(name)
  return good ? [] : [`${name} is a counter, and read as it stands`]
}

/** The function or aggregation whose direct argument is the selector. */
function callAround(selector: SyntaxNode, text: string): string {
  let node = selector.parent
  while (
    node !== null &&
    ['MatrixSelector', 'StepInvariantExpr', 'OffsetExpr', 'ParenExpr', 'SubqueryExpr'].includes(node.name)
  )
    node = node.parent
  if (node?.name !== 'FunctionCallBody') return ''
  const around = node.parent
  return slice(around?.getChild('FunctionIdentifier') ?? around?.getChild('AggregateOp') ?? null, text)
}

/** Labels to group by must exist in the grouped series. */
function groupingFaults(grouping: SyntaxNode, text: string): string[] {
  const clause = grouping.parent
  const whole = clause?.parent
  if (clause === null || whole == null) return []
  const there = labelsIn(whole, text)
  return grouping
    .getChildren('LabelName')
    .map(label => slice(label, text))
    .filter(label => !there.has(label))
    .map(label => `nothing that is grouped by ${label} has it`)
}

function labelsIn(tree: SyntaxNode, text: string): ReadonlySet<string> {
  const labels = new Set<string>()
  tree.cursor().iterate(cursor => {
    if (cursor.name === 'FunctionCall') labels.add(labelMadeBy(slice(cursor.node, text)))
    if (cursor.name !== 'VectorSelector') return
    for (const label of METRICS.get(nameOf(cursor.node, text))?.labels ?? []) labels.add(label)
  })
  return labels
}

/** The label that a call of label_replace makes; empty for any other call. Its arguments are the expression, the label, and three more texts. */
function labelMadeBy(call: string): string {
  return /^label_replace\(.*, "(\w+)", "[^"]*", "[^"]*", "[^"]*"\)$/s.exec(call)?.[1] ?? ''
}

const nameOf = (selector: SyntaxNode, text: string): string => slice(selector.getChild('Identifier'), text)
const slice = (node: SyntaxNode | null, text: string): string => (node === null ? '' : text.slice(node.from, node.to))
