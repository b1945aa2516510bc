/** The default backend: the target is the path of the documented JSON file. */
import type { Backend } from '../backend.ts'
import { openFileStore } from './file-store.ts'
import { FILE_METRICS } from './metrics.ts'
import { checkPlace } from './place.ts'
import { openFileReader } from './reader.ts'

export const FILE_BACKEND: Backend = {
  opens: scheme => scheme === undefined,
  open: (path, options) => openFileStore({ ...options, path }),
  check: checkPlace,
  openToRead: (path, options) => openFileReader({ ...options, path }),
  metrics: FILE_METRICS,
}
