/** The committed rules. */
import { readdirSync, readFileSync } from 'node:fs'
import { parse } from 'yaml'

export interface Rule {
  /** Empty for an alert. */
  readonly record: string
  /** Empty for a recording rule. */
  readonly alert: string
  readonly expr: string
  readonly for?: string
  readonly labels: Readonly<Record<string, string>>
  readonly annotations: Readonly<Record<string, string>>
}

export interface RuleFile {
  readonly name: string
  readonly rules: readonly Rule[]
}

/** The path of prometheus/. */
export const PROMETHEUS: URL = new URL('../../prometheus/', import.meta.url)

/** Every file of rules/. */
export function ruleFiles(): readonly RuleFile[] {
  return namesIn('rules/').map(name => {
    const { groups } = parse(readFileSync(new URL(`rules/${name}`, PROMETHEUS), 'utf8')) as {
      groups: { rules: Partial<Rule>[] }[]
    }
    const rules = groups.flatMap(group => group.rules)
    return {
      name,
      rules: rules.map(rule => ({ record: '', alert: '', expr: '', labels: {}, annotations: {}, ...rule })),
    }
  })
}

/** Every alert. */
export function alerts(): readonly Rule[] {
  return ruleFiles().flatMap(file => file.rules.filter(rule => rule.alert !== ''))
}

/** One expectation of a unit test: an alert, a time, and how often it fires. */
export interface Expectation {
  readonly alertname: string
  readonly fires: boolean
}

/** The expectations of the unit tests in tests/. */
export function expectations(): readonly Expectation[] {
  return namesIn('tests/').flatMap(name => {
    const { tests } = parse(readFileSync(new URL(`tests/${name}`, PROMETHEUS), 'utf8')) as {
      tests: { alert_rule_test?: { alertname: string; exp_alerts?: unknown[] }[] }[]
    }
    return tests.flatMap(test =>
      (test.alert_rule_test ?? []).map(({ alertname, exp_alerts = [] }) => ({
        alertname,
        fires: exp_alerts.length > 0,
      })),
    )
  })
}

/** Names of the files in a folder of prometheus/, sorted. */
export function namesIn(folder: string): readonly string[] {
  return readdirSync(new URL(folder, PROMETHEUS)).sort()
}
