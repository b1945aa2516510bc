/** Content negotiation of the built files (RFC 9110, section 12.5.3). */
import type { Coding } from './built-files.ts'

/** The preferred codings: of equal quality, the smaller bytes. */
const PREFERRED: readonly Coding[] = ['br', 'gzip', 'identity']

/** The available coding with the highest quality in an `Accept-Encoding` header. `identity` if the header accepts none of them. */
export function codingOf(header: string | undefined, available: { has(coding: Coding): boolean }): Coding {
  const qualities = parseQualities(header ?? '')
  let best: Coding = 'identity'
  let highest = 0
  for (const coding of PREFERRED) {
    // The identity coding is acceptable unless it is excluded, but never preferred to one that is named.
    const quality = qualities.get(coding) ?? qualities.get('*') ?? (coding === 'identity' ? 0.0001 : 0)
    if (!available.has(coding) || quality <= highest) continue
    best = coding
    highest = quality
  }
  return best
}

function parseQualities(header: string): ReadonlyMap<string, number> {
  const qualities = new Map<string, number>()
  for (const item of header.toLowerCase().split(',')) {
    const [name, ...parameters] = item.split(';').map(part => part.trim())
    if (name === undefined || name === '') continue
    const quality = parameters.find(parameter => parameter.startsWith('q='))?.slice(2)
    const value = quality === undefined ? 1 : Number(quality)
    qualities.set(name === 'x-gzip' ? 'gzip' : name, Number.isFinite(value) ? value : 0)
  }
  return qualities
}
