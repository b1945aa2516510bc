/** Writes rules/recording.yml: `node prometheus/print.ts`. */
import { writeFileSync } from 'node:fs'
import { stringify } from 'yaml'
import { recordingGroups } from './recording.ts'

const HEAD = '# Printed by prometheus/print.ts from prometheus/recording.ts: change it there.\n'

/** The text of rules/recording.yml. */
export function recordingFile(): string {
  return HEAD + stringify({ groups: recordingGroups() }, { lineWidth: 0 })
}

if (import.meta.main) writeFileSync(new URL('rules/recording.yml', import.meta.url), recordingFile())
