/** The default backend: the target is the path of the documented JSON file. */
import type { Backend } from '../backend.ts'
import { openFileStore } from './file-store.ts'
import { checkPlace } from './place.ts'
import { openFileReader } from './reader.ts'

export const FILE_BACKEND: Backend = {
  open: (path, options) => openFileStore({ ...options, path }),
  check: checkPlace,
  openToRead: (path, options) => openFileReader({ ...options, path }),
}
