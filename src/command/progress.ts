/** Shows the progress of a long command on a terminal. */
import { counted } from './format.ts'
import type { Output } from './io.ts'

export interface Progress {
  /** Takes the bytes read and the attempts recorded so far. */
  show(bytes: number, attempts: number): void
  /** Clears the line. */
  end(): void
}

const BAR = 30
const EVERY_MS = 100

/** A progress bar on a terminal, nothing elsewhere. Shows only counts if the total is unknown. */
export function createProgress(to: Output, totalBytes: number | undefined): Progress {
  if (to.isTTY !== true) return { show: () => undefined, end: () => undefined }
  let shownMs = Number.NEGATIVE_INFINITY
  return {
    show(bytes, attempts) {
      const now = performance.now()
      if (now - shownMs < EVERY_MS) return
      shownMs = now
      to.write(`\r\u001b[K${bar(bytes, totalBytes)}${counted(attempts, 'attempt')}`)
    },
    end: () => {
      to.write('\r\u001b[K')
    },
  }
}

function bar(bytes: number, total: number | undefined): string {
  if (total === undefined || total === 0) return ''
  const share = Math.min(1, bytes / total)
  const full = Math.round(share * BAR)
  return `[${'#'.repeat(full)}${'-'.repeat(BAR - full)}] ${String(Math.floor(share * 100)).padStart(3)} %  `
}
