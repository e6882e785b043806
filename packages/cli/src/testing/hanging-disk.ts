/** Loaded before the program: the disk answers nothing any more once the process is told to end. */
import fs from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'

process.prependOnceListener('SIGTERM', () => {
  // Never settles, and keeps the process, as a call to a network disk that is gone.
  const hang = (): void => void setInterval(() => {}, 1_000)
  fs.fdatasync = hang as unknown as typeof fs.fdatasync
  fs.write = hang as unknown as typeof fs.write
  syncBuiltinESMExports()
})
