/** Labels as the Prometheus text format spells them. */

/**
 * `name="value"` with commas between, without braces; empty where there are none. Names must be legal; values may hold
 * anything.
 */
export function labelText(labels: Readonly<Record<string, string>>): string {
  return Object.entries(labels)
    .map(([name, value]) => `${name}="${escapeText(value).replaceAll('"', '\\"')}"`)
    .join(',')
}

/** Escapes what would end a line. */
export function escapeText(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')
}
