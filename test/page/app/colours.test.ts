/** The contrast of the page's colours (WCAG 2.2, success criteria 1.4.3 and 1.4.11). axe-core judges neither SVG nor controls' borders. */
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'

const css = readFileSync(new URL('../../../src/page/app/style.css', import.meta.url), 'utf8')

/** A role's colours by theme, as `#rrggbb`. */
const roles = new Map(
  [...css.matchAll(/--([\w-]+): light-dark\((#\w{6}), (#\w{6})\);/g)].map(([, name, light, dark]) => [
    name!,
    { light: light!, dark: dark! },
  ]),
)

/** Relative luminance, 0 to 1 (WCAG 2.2). */
function luminance(colour: string): number {
  const [red, green, blue] = [1, 3, 5].map(at => {
    const value = Number.parseInt(colour.slice(at, at + 2), 16) / 255
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4
  })
  return 0.2126 * red! + 0.7152 * green! + 0.0722 * blue!
}

function contrast(one: string, other: string): number {
  const [low, high] = [luminance(one), luminance(other)].sort((a, b) => a - b)
  return (high! + 0.05) / (low! + 0.05)
}

const TEXT = 4.5
const GRAPHICS = 3

test.each([
  ['text', 'card', TEXT],
  ['text', 'page', TEXT],
  ['secondary', 'card', TEXT],
  ['secondary', 'page', TEXT],
  ['link', 'card', TEXT],
  ['decided', 'decided-fill', TEXT],
  ['decided', 'card', TEXT],
  ['open', 'open-fill', TEXT],
  ['worse', 'worse-fill', TEXT],
  ['worse', 'card', TEXT],
  ['estimate', 'band', GRAPHICS],
  ['interval', 'card', GRAPHICS],
  ['interval', 'band', GRAPHICS],
  ['focus', 'card', GRAPHICS],
  ['control', 'card', GRAPHICS],
] as const)('%s on %s has a contrast of at least %d in both themes', (front, back, least) => {
  for (const theme of ['light', 'dark'] as const)
    expect(contrast(roles.get(front)![theme], roles.get(back)![theme]), theme).toBeGreaterThanOrEqual(least)
})
