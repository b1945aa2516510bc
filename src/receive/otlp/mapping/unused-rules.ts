/** Finds rules that are off and would match records that are ignored, so that an operator learns of them. */
import type { TelemetryRecord } from '../telemetry-record.ts'
import { type AttributeLookup, valuesOf } from './attribute-lookup.ts'
import { type CompiledRule, compileRule } from './compiled-rule.ts'
import type { OtlpMapping, OtlpRule } from './mapping.ts'

/** A scope whose records are all ignored, and a rule that would match some. */
export interface UnusedRule {
  readonly scope: string
  readonly rule: string
}

/** The rules that are off. */
export interface UnusedRules {
  /** Looks at an ignored record. */
  ignored(record: TelemetryRecord): void
  /** Notes that a record of a scope is an attempt. */
  taken(record: TelemetryRecord): void
  /** What was found since the last time: each scope once. */
  tell(): readonly UnusedRule[]
}

/** Records of one scope that are looked at, and scopes: together they bound the cost, and the number of log lines. */
const MAX_LOOKS = 100
const MAX_SCOPES = 100
const MAX_NAME = 256

/** Compiles the rules that are off, with lookups of their own: the slots of the enabled rules are filled for every record. */
export function createUnusedRules(
  signal: OtlpRule['signal'],
  mapping: OtlpMapping,
  createLookup: () => AttributeLookup,
): UnusedRules {
  const attributes = createLookup()
  const rules: (readonly [string, CompiledRule])[] = Object.entries(mapping)
    .filter(([, rule]) => !rule.enabled && rule.signal === signal)
    .map(([name, rule]) => [name, compileRule(rule, attributes)])
  /** Looks left by scope. */
  const looks = new Map<string, number>()
  const found = new Map<string, string>()
  let lastTaken: unknown

  function ignored(record: TelemetryRecord): void {
    const { scope } = record.origin
    const left = looks.get(scope) ?? (looks.size < MAX_SCOPES ? MAX_LOOKS : 0)
    if (left === 0 || scope.length > MAX_NAME) return
    looks.set(scope, left - 1)
    // The values of the enabled rules have other slots.
    const own = record.withValues(valuesOf(record.whole.attributes, attributes))
    const match = rules.find(([, rule]) => rule.matches(own))
    if (match !== undefined && !found.has(scope)) found.set(scope, match[0])
  }

  function taken(record: TelemetryRecord): void {
    const { scope } = record.origin
    if (scope === lastTaken) return
    lastTaken = scope
    if (looks.size < MAX_SCOPES || looks.has(scope)) looks.set(scope, 0)
    found.delete(scope)
  }

  function tell(): readonly UnusedRule[] {
    if (found.size === 0) return []
    const told = Array.from(found, ([scope, rule]) => ({ scope, rule }))
    for (const { scope } of told) looks.set(scope, 0)
    found.clear()
    return told
  }

  return { ignored, taken, tell }
}
