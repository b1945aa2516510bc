/** Every number and time of the page, in the reader's locale. Nothing else prints numbers, so that a unit looks the same in texts and tables. */

/** Makes a format at its first use: making all of them would lengthen the first task of the page. */
function lazily<Format>(make: () => Format): () => Format {
  let made: Format | undefined
  return () => {
    made ??= make()
    return made
  }
}

const percentFormat = lazily(
  () =>
    new Intl.NumberFormat(undefined, {
      style: 'percent',
      minimumFractionDigits: 1,
      maximumFractionDigits: 1,
    }),
)
const wholePercentFormat = lazily(
  () => new Intl.NumberFormat(undefined, { style: 'percent', maximumFractionDigits: 0 }),
)
const decimalFormat = lazily(
  () => new Intl.NumberFormat(undefined, { minimumFractionDigits: 1, maximumFractionDigits: 1 }),
)
const signedFormat = lazily(
  () =>
    new Intl.NumberFormat(undefined, {
      minimumFractionDigits: 1,
      maximumFractionDigits: 1,
      signDisplay: 'exceptZero',
    }),
)
const signedTickFormat = lazily(
  () => new Intl.NumberFormat(undefined, { maximumFractionDigits: 1, signDisplay: 'exceptZero' }),
)
const scoreFormat = lazily(
  () => new Intl.NumberFormat(undefined, { minimumFractionDigits: 2, maximumFractionDigits: 2 }),
)
const briefFormat = lazily(() => new Intl.NumberFormat(undefined, { maximumSignificantDigits: 2 }))
const countFormat = lazily(() => new Intl.NumberFormat())
const USD = { style: 'currency', currency: 'USD' } as const
const centsFormat = lazily(() => new Intl.NumberFormat(undefined, USD))
const dollarsFormat = lazily(() => new Intl.NumberFormat(undefined, { ...USD, maximumFractionDigits: 0 }))
const smallMoneyFormat = lazily(
  () => new Intl.NumberFormat(undefined, { ...USD, minimumSignificantDigits: 3, maximumSignificantDigits: 3 }),
)
const moneyTickFormat = lazily(
  () => new Intl.NumberFormat(undefined, { ...USD, trailingZeroDisplay: 'stripIfInteger' }),
)
const smallMoneyTickFormat = lazily(
  () => new Intl.NumberFormat(undefined, { ...USD, minimumSignificantDigits: 2, maximumSignificantDigits: 2 }),
)
const listFormat = lazily(() => new Intl.ListFormat('en', { type: 'conjunction' }))
const dateTimeFormat = lazily(() => new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'medium' }))
const dayFormat = lazily(() => new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'short' }))
const hourFormat = lazily(() => new Intl.DateTimeFormat(undefined, { hour: 'numeric', minute: '2-digit' }))
const offsetFormat = lazily(() => new Intl.DateTimeFormat(undefined, { timeZoneName: 'longOffset' }))
const clockFormat = lazily(() => new Intl.DateTimeFormat(undefined, { timeStyle: 'medium' }))

/** Printed for what is not known. */
export const NONE = '–'

/** A rate in percent. Only an exact 0 or 100 is printed as such. */
export function rate(percent: number): string {
  if (percent === 0 || percent === 100) return wholePercentFormat().format(percent / 100)
  if (percent < 0.1) return `< ${percentFormat().format(0.001)}`
  if (percent > 99.9) return `> ${percentFormat().format(0.999)}`
  return percentFormat().format(percent / 100)
}

/** A rate as the label of an axis, in percent. */
export const rateTick = (percent: number): string => wholePercentFormat().format(percent / 100)

/** A probability or share, 0 to 1. */
export const share = (probability: number): string => rate(probability * 100)

/** An interval of rates in percent. */
export const interval = ({ low, high }: { readonly low: number; readonly high: number }): string =>
  `${decimalFormat().format(low)} to ${percentFormat().format(high / 100)}`

export const count = (value: number): string => countFormat().format(value)

/** A difference in percentage points. */
export const points = (value: number): string => `${signedFormat().format(value)} points`

export const signed = (value: number): string => signedFormat().format(value)

/** A score such as Brier's. */
export const score = (value: number): string => scoreFormat().format(value)

/** US dollars: three significant digits below one dollar, cents below a thousand. */
export function money(usd: number): string {
  const size = Math.abs(usd)
  return (
    size === 0 || (size >= 1 && size < 1000) ? centsFormat : size < 1 ? smallMoneyFormat : dollarsFormat
  )().format(usd)
}

/** US dollars as the label of an axis. */
export const moneyTick = (usd: number): string => (usd < 1 ? smallMoneyTickFormat : moneyTickFormat)().format(usd)

/** A sentence of the API. It writes “24 %” in every locale. */
export const localSentence = (sentence: string): string =>
  sentence.replaceAll(/(\d+)(\.\d)? %/g, (_, whole: string, tenths: string | undefined) =>
    (tenths === undefined ? wholePercentFormat : percentFormat)().format(Number(whole + (tenths ?? '')) / 100),
  )

/** A phrase of the API as the text of a cell. */
export const phrase = (text: string): string => localSentence(text.charAt(0).toUpperCase() + text.slice(1))

/** A signed number as the label of an axis. */
export const signedTick = (value: number): string => signedTickFormat().format(value)

/** A list of names in a sentence. */
export const list = (names: readonly string[]): string => listFormat().format(names)

/** A number and its noun. */
export const plural = (value: number, one: string, many = `${one}s`): string =>
  `${count(value)} ${value === 1 ? one : many}`

const UNITS: readonly (readonly [unit: string, seconds: number])[] = [
  ['d', 86_400],
  ['h', 3600],
  ['m', 60],
  ['s', 1],
]

/** A length of time in its two largest units. */
export function duration(seconds: number): string {
  if (seconds < 10) return `${briefFormat().format(seconds)}s`
  let rest = Math.round(seconds)
  const parts: string[] = []
  for (const [unit, length] of UNITS) {
    const whole = Math.floor(rest / length)
    rest -= whole * length
    if (whole > 0) parts.push(`${count(whole)}${unit}`)
    else if (parts.length > 0) break
    if (parts.length === 2) break
  }
  return parts.join(' ')
}

/** Local date and time. */
export const dateTime = (iso: string): string => dateTimeFormat().format(new Date(iso))

/** The time with its offset, and in UTC: what a pointer over a time shows. */
export function exactTime(iso: string): string {
  const date = new Date(iso)
  const zone = offsetFormat().formatToParts(date)
  return `${dateTime(iso)} ${zone.find(({ type }) => type === 'timeZoneName')?.value ?? ''} = ${date.toISOString()} UTC`
}

/** A tick of a time axis: the day, or the hour within one. */
export const tick = (ms: number, spanMs: number): string =>
  (spanMs > 2 * 86_400_000 ? dayFormat : hourFormat)().format(ms)

export const clock = (ms: number): string => clockFormat().format(ms)
