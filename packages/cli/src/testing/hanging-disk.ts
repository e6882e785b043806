/** Loaded before the program: the disk answers no sync any more once the process is told to end. */
import fs from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'

process.prependOnceListener('SIGTERM', () => {
  // Never settles, and keeps the process, as a call to a network disk that is gone.
  fs.fdatasync = (() => void setInterval(() => {}, 1_000)) as unknown as typeof fs.fdatasync
  syncBuiltinESMExports()
})
