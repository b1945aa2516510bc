/** What changes while the sidecar runs: its phase, and the settings that a reload replaces. */
import type { ModelAliases } from '../core/attempt/model-aliases.ts'
import type { Price } from '../pricing/price.ts'
import type { OtlpMapping } from '../receive/otlp/mapping/mapping.ts'
import type { AccessRules } from '../server/access.ts'

export interface SidecarState {
  /** `draining`: not ready, but still accepts attempts. `refusing`: refuses attempts and only completes requests in progress. */
  phase: 'serving' | 'draining' | 'refusing'
  access: AccessRules
  mapping: OtlpMapping
  aliases: ModelAliases
  price: Price
}
