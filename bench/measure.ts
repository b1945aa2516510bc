/**
 * Runs one in-process measurement: `node --expose-gc bench/measure.ts NAME [ARGUMENTS]` prints one line of JSON. Each measurement has its
 * own process, so that none warms up another.
 */

import { alerts } from './measures/alerts.ts'
import { timeAppending, timePreallocated } from './measures/appending.ts'
import { timeLag } from './measures/lag.ts'
import { memory } from './measures/memory.ts'
import {
  replayFiles,
  startFiles,
  timeOpening,
  timeParsing,
  timeReplaying,
  writeOriginFile,
} from './measures/opening.ts'
import { timeOutcomes } from './measures/outcomes.ts'
import { questions } from './measures/questions.ts'
import { serveScrapes } from './measures/scrape.ts'
import { fillStore, timeCatchUp, timeStore } from './measures/stores.ts'
import { tracking } from './measures/tracking.ts'
import { wholeFiles } from './measures/whole-files.ts'

const MEASURES: Readonly<Record<string, (...args: string[]) => unknown>> = {
  questions,
  alerts,
  tracking,
  memory,
  scrape: serveScrapes,
  'whole-files': wholeFiles,
  'start-files': startFiles,
  'replay-files': replayFiles,
  'origin-file': writeOriginFile,
  open: timeOpening,
  replay: timeReplaying,
  parse: timeParsing,
  append: timeAppending,
  'append-preallocated': timePreallocated,
  'store-append': timeStore,
  'store-fill': fillStore,
  'store-catch-up': timeCatchUp,
  'store-lag': timeLag,
  'store-outcomes': timeOutcomes,
}

const [name = '', ...args] = process.argv.slice(2)
console.log(JSON.stringify((await MEASURES[name]!(...args)) ?? null))
