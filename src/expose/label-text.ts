/** Labels in the syntax of the Prometheus text format. */

/** `name="value"` separated by commas, without braces. Names must be valid; values may be any string. */
export function labelText(labels: Readonly<Record<string, string>>): string {
  return Object.entries(labels)
    .map(([name, value]) => `${name}="${escapeText(value).replaceAll('"', '\\"')}"`)
    .join(',')
}

/** Escapes backslashes and line feeds, as help texts require. */
export function escapeText(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')
}
