import type { StoreFileOptions } from '../../../shared/store-file.ts'

/** Of all files of the engine. Large pages: most of what is written are blocks of many kilobytes. */
export const storeFormat: StoreFileOptions = {
  version: 1,
  pageBytes: 16 * 1024,
  checkpointBytes: 8 * 1024 * 1024
}
